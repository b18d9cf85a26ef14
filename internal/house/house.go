// Package house holds the rules of this code as tests: who may import whom, how
// long a function may be, what needs a comment, what must never be written. It
// has no code of its own. CONTRIBUTING.md lists the rules in words; a test that
// fails names the file, the line and the rule.
package house

// Package e2e holds no code of the product: its tests run the real program
// against real servers and real attack tools, in network namespaces that the
// tests make themselves.
package e2e

package logline

// MaxHeldLines shows the tests the bound of a Reader.
const MaxHeldLines = maxHeldLines

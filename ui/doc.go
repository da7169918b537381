// Package ui is orka's terminal: one tea.Model, whose screens are plain structs.
//
// The package reads an [Engine] and never waits for it. Update does no I/O: whatever can take time (a
// search, a YAML, a describe) runs in a Cmd, carries what it was asked for, and is dropped when that is
// no longer what the screen shows. No Cmd changes state. View is a pure function of the Model and is
// built at most once per change of what it shows.
//
// Every key is a row of a key table (keys.go): dispatch, the hints in the footer and Help read the same
// rows, so that no key can be documented without working, or work without being documented.
//
// Goroutines: bubbletea's own, and one per running Cmd; each Cmd ends with the context of [Run].
package ui

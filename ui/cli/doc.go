// Package cli is orka's command line: it decides between the terminal UI and a command, chooses the source
// (a cluster, or the embedded simulated one), and prints answers.
//
// Data goes to stdout, all else to stderr. A command lists only the kinds it needs, waits until they are
// complete, answers and ends; what could not be listed is named on stderr and in the exit code.
package cli

// Command orka explores a Kubernetes cluster from the terminal.
package main

import (
	"os"

	"orka/ui/cli"
)

func main() { os.Exit(cli.Main()) }

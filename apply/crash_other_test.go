//go:build !unix

package apply_test

func fillDisk() (mend func() error, err error) { return nil, errNoLimit }

package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/muniment/muniment/api/identity"
)

func keysCommand() *cobra.Command {
	return group("keys", "Look after the server's keys", keysRotateCommand())
}

func keysRotateCommand() *cobra.Command {
	var data string
	c := &cobra.Command{
		Use:   "rotate --data DIR",
		Short: "Give the audit log another signing key",
		Long: `Give the audit log another signing key. The key is added to DIR/keys beside the ones before it, and the server
takes it up when it is started again: it writes a record that names both keys and is signed by both, and signs every
checkpoint from there on with the new one.

Who verifies the log with an earlier key, or with an earlier checkpoint, goes on as before: 'muniment audit verify'
follows the record to the new key. An earlier key counts for the records before that one and for no others, so a
checkpoint saved after the rotation tells the log from whatever somebody signs with an earlier key: get one at once
('muniment audit checkpoint'). Keep the earlier key files; the log is verified with them.

` + exitCodes,
		Example: "  muniment keys rotate --data ./data\n  muniment serve --data ./data",
		Args:    exactArgs(0, "no arguments"),
		RunE: func(c *cobra.Command, _ []string) error {
			if data == "" {
				return usagef("--data is missing")
			}
			dir := config{Data: data}.path("keys")
			version, err := identity.RotateLogKey(dir)
			if err != nil {
				return usageError{err}
			}
			keys, err := identity.ReadKeyRing(dir)
			if err != nil {
				return err
			}
			fmt.Fprintf(c.OutOrStdout(), "version %d of the keys signs the audit log from the server's next start on:\n%s\n", version, keys.LogKey())
			return nil
		},
	}
	c.Flags().StringVar(&data, "data", "", "the server's data directory")
	return c
}

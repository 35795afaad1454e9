package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/mod/sumdb/note"

	"github.com/muniment/muniment/api/identity"
	"github.com/muniment/muniment/audit"
	auditfile "github.com/muniment/muniment/audit/file"
)

func auditCommand() *cobra.Command {
	return group("audit", "Check the record of what was read and changed, and follow it to sources and back",
		auditListCommand(), auditShowCommand(), traceAnswerCommand(), traceDocumentCommand(), replayCommand(), auditVerifyCommand(), auditExportCommand(), auditKeyCommand(), auditCheckpointCommand())
}

func auditVerifyCommand() *cobra.Command {
	var data, key, saved string
	c := &cobra.Command{
		Use:   "verify --data DIR | FILE",
		Short: "Verify that nobody changed the audit log",
		Long: `Verify that nobody changed the audit log: every record, hash and signature, and that the log still holds what an
earlier checkpoint signed, if one is given. It works offline, beside a running server too, on a data directory or
on a file made by 'muniment audit export'.

A log cannot tell by itself that its end was cut off: keep checkpoints elsewhere ('muniment audit checkpoint') and
verify against them. A file is verified with the key that --key gives, or the key ring of --data; the key may be the
first that the log had: records that hand over to another key are followed ('muniment keys rotate').

` + exitCodes,
		Example: `  muniment audit verify --data ./data
  muniment audit verify --data ./data --checkpoint monday.note
  muniment audit verify --key "$(muniment audit key --data ./data)" log.jsonl`,
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) > 1 || data == "" && len(args) == 0 {
				return usagef("what should be verified? --data DIR, or a file made by 'muniment audit export'")
			}
			var checkpoint []byte
			if saved != "" {
				var err error
				if checkpoint, err = os.ReadFile(saved); err != nil {
					return usagef("--checkpoint: %w", err)
				}
			}
			if len(args) == 0 {
				return verifyDirectory(c.Context(), c.OutOrStdout(), data, key, checkpoint)
			}
			verifiers, err := verifiersFor(key, data)
			if err != nil {
				return err
			}
			in, err := openFeed(args[0])
			if err != nil {
				return err
			}
			defer in.Close()
			report, err := audit.VerifyExport(c.Context(), in, verifiers, checkpoint)
			return verdict(c.OutOrStdout(), report, err)
		},
	}
	c.Flags().StringVar(&data, "data", "", "the server's data directory")
	c.Flags().StringVar(&key, "key", "", "the log's public key, as 'muniment audit key' prints it")
	c.Flags().StringVar(&saved, "checkpoint", "", "a checkpoint saved earlier")
	return c
}

// verifiersFor is the key given, else that of the data directory's key ring.
func verifiersFor(key, data string) (note.Verifiers, error) {
	if key == "" && data == "" {
		return nil, usagef("whose log is it? --key KEY, or --data DIR for the key ring")
	}
	if key == "" {
		keys, err := identity.ReadKeyRing(config{Data: data}.path("keys"))
		if err != nil {
			return nil, usageError{err}
		}
		return keys.LogVerifiers(), nil
	}
	v, err := note.NewVerifier(key)
	if err != nil {
		return nil, usagef("--key: %w", err)
	}
	return note.VerifierList(v), nil
}

// verifyDirectory verifies the log of a data directory with the key given, else with its own.
func verifyDirectory(ctx context.Context, w io.Writer, data, key string, saved []byte) error {
	verifiers, err := verifiersFor(key, data)
	if err != nil {
		return err
	}
	log, err := auditfile.OpenReadOnly(config{Data: data}.path("audit"))
	if err != nil {
		return err
	}
	defer log.Close()
	report, err := audit.Verify(ctx, log, verifiers, saved)
	return verdict(w, report, err)
}

func verdict(w io.Writer, report audit.Report, err error) error {
	if err != nil {
		return err
	}
	fmt.Fprintln(w, report)
	if !report.OK {
		return codedError{code: exitTampered}
	}
	return nil
}

func auditExportCommand() *cobra.Command {
	var data string
	c := &cobra.Command{
		Use:     "export --data DIR",
		Short:   "Write the audit log as JSON Lines, to be verified elsewhere",
		Example: "  muniment audit export --data ./data > log.jsonl",
		Args:    exactArgs(0, "no arguments"),
		RunE: func(c *cobra.Command, _ []string) error {
			if data == "" {
				return usagef("--data is missing")
			}
			log, err := auditfile.OpenReadOnly(config{Data: data}.path("audit"))
			if err != nil {
				return err
			}
			defer log.Close()
			return audit.Export(c.Context(), log, c.OutOrStdout())
		},
	}
	c.Flags().StringVar(&data, "data", "", "the server's data directory")
	return c
}

func auditKeyCommand() *cobra.Command {
	var data string
	var all bool
	c := &cobra.Command{
		Use:     "key --data DIR",
		Short:   "Print the public key that verifies the audit log",
		Example: "  muniment audit key --data ./data > log.key",
		Args:    exactArgs(0, "no arguments"),
		RunE: func(c *cobra.Command, _ []string) error {
			if data == "" {
				return usagef("--data is missing")
			}
			keys, err := identity.ReadKeyRing(config{Data: data}.path("keys"))
			if err != nil {
				return usageError{err}
			}
			list := keys.LogKeys()
			if !all {
				list = list[len(list)-1:]
			}
			for _, k := range list {
				fmt.Fprintln(c.OutOrStdout(), k.Public)
			}
			return nil
		},
	}
	c.Flags().BoolVar(&all, "all", false, "also the keys before it, the first one first")
	c.Flags().StringVar(&data, "data", "", "the server's data directory")
	return c
}

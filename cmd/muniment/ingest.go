package main

import (
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"
)

func ingestCommand() *cobra.Command {
	var cl client
	var quiet bool
	var retryFor time.Duration
	var f folderFlags
	c := &cobra.Command{
		Use:   "ingest FILE… | --source NAME DIR",
		Short: "Send feed files, or a folder of documents, to the server",
		Long: `Send feed files to the server: JSON Lines, one group, container, document, access or delete a line, .gz or not;
"-" reads standard input. Lines are sent in order. A refused line is reported with its file and line number,
stores nothing, and does not stop the rest; the exit code is then 3. Sending a file again is harmless.

With --source, send the Markdown, HTML and plain text files of a folder as one source, and remove from the server
what the folder no longer has. Who may read is said by .muniment.yaml files in it, by front matter, or for the
whole folder by --readers or --policy. See docs/folders.md.

When the connection breaks, what was not acknowledged is sent again; nothing is applied twice.

` + exitCodes,
		Example: `  muniment ingest people.jsonl handbook.jsonl.gz
  gzip -dc export.jsonl.gz | muniment ingest -
  muniment ingest --source handbook --readers everyone ./handbook
  muniment ingest --source handbook --watch ./handbook`,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef("which files? 'muniment ingest FILE…', or - for standard input, or --source NAME DIR for a folder")
			}
			return f.check(c, args)
		},
		RunE: func(c *cobra.Command, args []string) error {
			progress := newProgress(os.Stderr, quiet)
			if f.source != "" {
				return ingestFolder(c, &cl, f, args[0], retryFor, progress)
			}
			for _, f := range args {
				if f != "-" && !exists(f) {
					return usagef("%s: no such file", f)
				}
			}
			ctx, conn, err := cl.dial(c.Context())
			if err != nil {
				return err
			}
			defer conn.Close()
			run := feedRun{files: args, retryFor: retryFor, tally: tally{progress: progress, refusals: os.Stderr}}
			err = run.send(ctx, conn)
			run.progress.done()
			fmt.Fprintln(c.OutOrStdout(), run.summary())
			if err == nil && run.refused > 0 {
				return codedError{code: exitRefused}
			}
			return err
		},
	}
	cl.flags(c)
	c.Flags().BoolVar(&quiet, "quiet", false, "no progress")
	c.Flags().DurationVar(&retryFor, "retry-for", 5*time.Minute, "how long to try again when the connection breaks; 0 = not at all")
	f.flags(c)
	return c
}

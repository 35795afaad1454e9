// Command muniment is the retrieval service and its client in one program.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// version is set by the linker for releases.
var version = "development"

// Exit codes. Scripts rely on them.
const (
	exitOK       = 0
	exitFailed   = 1 // the work failed: the server could not be reached, something broke
	exitUsage    = 2 // the command line, the configuration or a file's form is wrong
	exitRefused  = 3 // the server refused: no rights, not found, lines of a feed refused
	exitTampered = 4 // audit verify, audit replay, check or restore found that something is not what was stored
	exitStale    = 5 // freshness report found a document in the state of --fail-on, or a worse one
)

const exitCodes = `Exit codes:
  0  done
  1  failed: the server could not be reached, or something broke
  2  wrong usage: flags, configuration, or the form of a file
  3  refused: not authorised, not found, or lines of a feed were refused
  4  audit verify, audit replay, check or restore found that something is not what was stored
  5  freshness report found a document in the state of --fail-on, or in a worse one`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:])
	stop()
	os.Exit(code)
}

// run is the whole program but for its process, so that tests can call it.
func run(ctx context.Context, args []string) int {
	root := &cobra.Command{
		Use:   "muniment",
		Short: "Permission-aware retrieval: answers as if the documents you may not read did not exist",
		Long: `Muniment takes in an organisation's documents with their owners, policies and dates, and answers the
queries of AI applications as if the documents that the caller may not read did not exist. Every answer
says how fresh its sources are and where they disagree, and is recorded before it is shown.

` + exitCodes,
		Example: `  muniment serve --data ./data
  export MUNIMENT_TOKEN=$(muniment token --data ./data --subject user:local/ada)
  muniment retrieve "how many days of leave do I have?"`,
		SilenceErrors: true, SilenceUsage: true,
	}
	root.CompletionOptions.HiddenDefaultCmd = true
	root.AddCommand(serveCommand(), tokenCommand(), ingestCommand(), retrieveCommand(), answerCommand(), retrievalsCommand(), documentCommand(), sourceCommand(), freshnessCommand(),
		accessCommand(), conflictsCommand(), deskCommand(), auditCommand(), keysCommand(), statusCommand(), checkCommand(), rebuildCommand(), backupCommand(), restoreCommand(),
		evalCommand(), protosetCommand(), demoCommand(), versionCommand())
	root.Args = func(_ *cobra.Command, args []string) error {
		if len(args) > 0 {
			return usagef("there is no command %q; see 'muniment --help'", args[0])
		}
		return nil
	}
	root.RunE = func(c *cobra.Command, _ []string) error { return c.Help() }
	root.SetArgs(args)
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return usageError{fmt.Errorf("%w\nsee '%s --help'", err, c.CommandPath())}
	})
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitOK
	}
	if msg := explain(err); msg != "" {
		fmt.Fprintln(os.Stderr, "muniment: "+msg)
	}
	return exitCode(err)
}

// usageError is the user's to mend on the command line.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// codedError ends the program with a code of its own; its text may be empty when all has
// been said.
type codedError struct {
	code int
	text string
}

func (e codedError) Error() string { return e.text }

func exitCode(err error) int {
	if c, ok := errors.AsType[codedError](err); ok {
		return c.code
	}
	if _, ok := errors.AsType[usageError](err); ok {
		return exitUsage
	}
	switch status.Code(err) {
	case codes.InvalidArgument, codes.NotFound, codes.PermissionDenied, codes.Unauthenticated, codes.FailedPrecondition:
		return exitRefused
	}
	return exitFailed
}

// exactArgs is cobra.ExactArgs as a usage error that says what is missing.
func exactArgs(n int, what string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) != n {
			return usagef("%s takes %s; see '%s --help'", c.CommandPath(), what, c.CommandPath())
		}
		return nil
	}
}

// group makes a command that only holds others.
func group(use, short string, commands ...*cobra.Command) *cobra.Command {
	c := &cobra.Command{Use: use, Short: short, RunE: func(c *cobra.Command, args []string) error {
		if len(args) > 0 {
			return usagef("%s has no command %q; see '%s --help'", c.CommandPath(), args[0], c.CommandPath())
		}
		return usagef("%s needs a command; see '%s --help'", c.CommandPath(), c.CommandPath())
	}}
	c.AddCommand(commands...)
	return c
}

func versionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the version", Example: "  muniment version", Args: exactArgs(0, "no arguments"),
		Run: func(c *cobra.Command, _ []string) { fmt.Fprintln(c.OutOrStdout(), "muniment", version) },
	}
}

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/muniment/muniment/api/identity"
	"github.com/muniment/muniment/audit"
	auditfile "github.com/muniment/muniment/audit/file"
	"github.com/muniment/muniment/catalog"
	"github.com/muniment/muniment/catalog/bolt"
	pb "github.com/muniment/muniment/proto/muniment/v1"
)

func checkCommand() *cobra.Command {
	var t target
	var quiet, asJSON bool
	c := &cobra.Command{
		Use:   "check --data DIR",
		Short: "Check everything that is stored: catalog, audit log and indexes",
		Long: `Check everything that is stored. Every value of the catalog is read, its checksum verified, and that the values
fit together; every record, hash and signature of the audit log; and each index is compared with the catalog, passage by
passage. Each problem is one line. A running server answers meanwhile.

` + targetHelp + ` An index that is found damaged when DIR is opened is reported, and made again on the spot.

` + exitCodes,
		Example: "  muniment check --data ./data\n  muniment check --data ./data && muniment backup --data ./data /mnt/backups",
		Args:    exactArgs(0, "no arguments"),
		RunE: func(c *cobra.Command, _ []string) error {
			run := checkOutput{out: c.OutOrStdout(), progress: newProgress(os.Stderr, quiet || asJSON), json: asJSON}
			err := t.check(c.Context(), &run)
			run.progress.done()
			if err != nil {
				return err
			}
			return run.end()
		},
	}
	t.flags(c)
	c.Flags().BoolVar(&quiet, "quiet", false, "no progress")
	c.Flags().BoolVar(&asJSON, "json", false, "one JSON object: ok, and the problems by part")
	return c
}

func (t *target) check(ctx context.Context, run *checkOutput) error {
	as, o, err := t.reach(ctx, open, audit.Operation{Name: "check"})
	if damagedStore(err) {
		cfg, failed := t.config()
		if failed != nil {
			return failed
		}
		return checkDamaged(ctx, cfg, run.take)
	}
	if err != nil {
		return err
	}
	if o.engine != nil {
		o.engine.reportDiscarded(run)
		err = o.engine.server.Indexer.Whole(ctx)
	}
	if err == nil {
		err = o.Check(as, run.take)
	}
	return errors.Join(err, o.close())
}

// reportDiscarded reports what was wrong with the indexes when they were opened: by the time
// they are compared, they have been made again.
func (e *engine) reportDiscarded(run *checkOutput) {
	for _, index := range []struct {
		name   string
		reason error
	}{{"keyword", e.words.Discarded()}, {"vector", e.vectors.Discarded()}} {
		if index.reason != nil {
			run.take(&pb.CheckResponse{Part: index.name, Problem: "it was damaged, and has been made again: " + index.reason.Error()})
		}
	}
}

// damagedStore reports whether an error of opening a directory says that its catalog or its
// audit log is damaged.
func damagedStore(err error) bool {
	_, record := errors.AsType[*audit.DamageError](err)
	for _, e := range []error{catalog.ErrDamaged, audit.ErrForked, audit.ErrRolledBack, audit.ErrCheckpoint, auditfile.ErrNoLog} {
		record = record || errors.Is(err, e)
	}
	return record
}

// checkDamaged checks what can be checked in a directory that no server could run on.
func checkDamaged(ctx context.Context, cfg config, send func(*pb.CheckResponse) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	r := &checkRun{send: send, cancel: cancel}
	store, err := bolt.Open(cfg.path("catalog.bolt"), bolt.Options{Timeout: cfg.lockWait, Logger: slog.New(slog.DiscardHandler)})
	if errors.Is(err, catalog.ErrDamaged) {
		for _, problem := range joined(err) {
			r.problem("catalog", problem.Error())
		}
	} else if err != nil {
		return err
	} else if err := errors.Join(r.catalog(ctx, store.Check), store.Close()); err != nil {
		return err
	}
	keys, err := identity.ReadKeyRing(cfg.path("keys"))
	if err != nil {
		return err
	}
	if err := r.audit(ctx, cfg.path("audit"), keys.LogVerifiers()); damagedStore(err) {
		r.problem("audit", err.Error())
	} else if err != nil {
		return err
	}
	for _, name := range []string{"keyword", "vector"} {
		r.problem(name, "it is not compared: no server can run on this directory")
	}
	r.say(&pb.CheckResponse{Ok: new(bool)})
	return context.Cause(ctx)
}

// checkOutput shows a check as it goes on.
type checkOutput struct {
	out      io.Writer
	progress *progress
	json     bool

	Ok       bool           `json:"ok"`
	Problems []checkProblem `json:"problems"`
	ended    bool
}

type checkProblem struct {
	Part    string `json:"part"`
	Problem string `json:"problem"`
}

func (c *checkOutput) take(m *pb.CheckResponse) error {
	switch {
	case m.Ok != nil:
		c.Ok, c.ended = m.GetOk(), true
	case m.GetProblem() != "":
		c.Problems = append(c.Problems, checkProblem{m.GetPart(), m.GetProblem()})
		if !c.json {
			c.progress.clear()
			fmt.Fprintf(forTerminal{c.out}, "%s: %s\n", m.GetPart(), strings.Join(strings.Fields(m.GetProblem()), " "))
		}
	default:
		c.progress.bar(m.GetPart(), m.GetDone(), m.GetTotal(), plainCount)
	}
	return nil
}

// end prints the outcome, and is an error if that is not good.
func (c *checkOutput) end() error {
	c.Ok = c.Ok && c.ended && len(c.Problems) == 0
	switch {
	case c.json:
		if c.Problems == nil {
			c.Problems = []checkProblem{}
		}
		if err := json.NewEncoder(c.out).Encode(c); err != nil {
			return err
		}
	case c.Ok:
		fmt.Fprintln(c.out, "checked: catalog, audit log, keyword index and vector index are whole and agree")
	case !c.ended:
		return errors.New("the server ended the check early")
	default:
		fmt.Fprintf(c.out, "NOT WHOLE: %d problems\n", len(c.Problems))
	}
	if !c.Ok {
		return codedError{code: exitTampered}
	}
	return nil
}

package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/muniment/muniment/audit"
)

var indexNames = []string{"keyword", "vector"}

func rebuildCommand() *cobra.Command {
	var t target
	var wait bool
	c := &cobra.Command{
		Use:   "rebuild --data DIR keyword|vector",
		Short: "Discard an index and build it again from the catalog",
		Long: `Discard an index and build it again from the catalog. Nothing is lost: an index holds nothing that the catalog does
not. Until it is done, a running server answers with the other index and says so in each answer, so rebuild one at a time.
A server rebuilds by itself an index that is found damaged; this is for one that 'muniment check' says differs.

` + targetHelp + `

` + exitCodes,
		Example: "  muniment rebuild --data ./data keyword\n  muniment rebuild --data ./data vector --wait=false",
		Args: func(c *cobra.Command, args []string) error {
			if len(args) != 1 || !slices.Contains(indexNames, args[0]) {
				return usagef("which index? 'muniment rebuild %s'", strings.Join(indexNames, "|"))
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			as, o, err := t.reach(c.Context(), open, audit.Operation{Name: "rebuild", Detail: args[0]})
			if err != nil {
				return err
			}
			start := time.Now()
			err = o.rebuild(as, args[0], wait)
			if err = errors.Join(err, o.close()); err != nil {
				return err
			}
			if wait || o.engine != nil {
				fmt.Fprintf(c.OutOrStdout(), "rebuilt: the %s index, in %s\n", args[0], time.Since(start).Round(10*time.Millisecond))
			} else {
				fmt.Fprintf(c.OutOrStdout(), "begun: 'muniment status' says when the %s index is searched again\n", args[0])
			}
			return nil
		},
	}
	t.flags(c)
	c.Flags().BoolVar(&wait, "wait", true, "wait until the index is searched again")
	return c
}

// rebuild rebuilds an index, and waits for the end: always if it is done here, for it would
// end with this process.
func (r *reached) rebuild(ctx context.Context, index string, wait bool) error {
	if r.engine != nil {
		if err := r.engine.server.Indexer.Whole(ctx); err != nil { // one may be under way
			return err
		}
	}
	if err := r.Rebuild(ctx, index); err != nil {
		return err
	}
	if r.engine != nil {
		return r.engine.server.Indexer.Whole(ctx)
	}
	for pause := 50 * time.Millisecond; wait; pause = min(2*pause, 5*time.Second) {
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return ctx.Err()
		}
		s, err := r.Status(ctx)
		if err != nil {
			return err
		}
		for _, i := range s.GetIndexes() {
			if i.GetName() == index && i.GetReady() {
				return nil
			}
		}
	}
	return nil
}

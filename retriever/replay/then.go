package replay

import (
	"context"
	"errors"
	"time"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/audit"
	"github.com/muniment/muniment/catalog"
	"github.com/muniment/muniment/indexer"
)

// asThen is a snapshot of an earlier revision that withholds what was withheld then, and expects
// of sources what was expected then. A snapshot itself does so by what is said of the sources now,
// for that is no part of the history.
type asThen struct {
	catalog.Snapshot
	directory *acl.Directory
	expected  map[string]audit.Expectation
}

// Expected implements catalog.Snapshot.
func (n asThen) Expected(source string) catalog.Expectation {
	return catalog.Expectation(n.expected[source])
}

// View implements catalog.Snapshot.
func (n asThen) View(caller acl.Identity, at time.Time) (acl.View, error) {
	return n.directory.View(caller, at)
}

// Directory implements catalog.Snapshot.
func (n asThen) Directory() *acl.Directory { return n.directory }

// withholding withholds the sources that the record says were withheld. There may have been
// others: of those the caller could have read nothing that was asked for.
func withholding(record audit.Record) acl.Withholding {
	sources := acl.Withholding{}
	for _, source := range record.Retrieval.Withheld {
		sources[source] = record.Time
	}
	return sources
}

// pinned hands out one state. It is not the callers' to close.
type pinned struct{ state *indexer.State }

// Pin implements retriever.States.
func (p pinned) Pin(context.Context, catalog.Revision) (*indexer.State, error) {
	return p.state.Again(), nil
}

// keeper is a log that keeps the last record and makes nothing durable.
type keeper struct{ record audit.Record }

// Append implements retriever.Recorder.
func (k *keeper) Append(_ context.Context, r audit.Record) (audit.Entry, error) {
	k.record = r
	return audit.Entry{}, nil
}

// embedded is what was embedded before.
type embedded struct{ vectors [][]float32 }

// Embed implements retriever.Embedder.
func (e embedded) Embed(context.Context, []string) ([][]float32, error) { return e.vectors, nil }

// unable fails, as the embedder did then.
type unable struct{}

// Embed implements retriever.Embedder.
func (unable) Embed(context.Context, []string) ([][]float32, error) {
	return nil, errors.New("the embedder failed then")
}

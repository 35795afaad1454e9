package indexer

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/muniment/muniment/catalog"
)

// ErrUnknownIndex is returned for an index by a name that none has.
var ErrUnknownIndex = errors.New("indexer: there is no index of that name")

// maxProblems is how many problems a comparison names one by one.
const maxProblems = 20

// Compare reads all that an index holds ("keyword" or "vector") and all that it should hold
// by the catalog, and reports each difference in words: a passage that is missing, there
// twice, left over, or found by other content than the catalog has. Searches and commits go
// on meanwhile; what they change is left out. Progress, if not nil, is told how many rows of
// both have been read.
//
// Errors: ErrUnknownIndex, ErrRebuilding if the index is not searched, ErrIndexFailed if it
// cannot be read, and then it is rebuilt.
func (x *Indexer) Compare(ctx context.Context, name string, progress func(done, total int), problem func(string)) error {
	state, err := x.Pin(ctx, 0)
	if err != nil {
		return err
	}
	defer state.Release()
	reader, known := map[string]Reader{x.keyword.name: state.Keyword, x.vector.name: state.Vector}[name]
	switch {
	case !known:
		return ErrUnknownIndex
	case reader == nil:
		return ErrRebuilding
	}
	c := comparison{
		table: state.Table, reader: reader, problem: problem, progress: progress,
		rows: make([]compared, len(state.Table.cells)*ChunkRows), moved: map[catalog.DocumentID]bool{},
		total: 2 * state.Table.Passages(),
	}
	err = c.index(ctx)
	if err == nil {
		err = c.catalog(x.Store.Changes(ctx, 0, catalog.Contents))
	}
	if err == nil {
		err = c.unseen()
	}
	if err != nil && !errors.Is(err, errEnough) {
		return fmt.Errorf("comparing the %s index with the catalog: %w", name, err)
	}
	c.step(c.total - c.done)
	return nil
}

// errEnough ends a comparison that has found more than anybody reads.
var errEnough = errors.New("enough problems")

// comparison is one run of Compare. The index and the table are pinned at one revision and
// the catalog is read as it is now: what it says of documents that changed since, moved,
// cannot be held against the index.
type comparison struct {
	table       *Table
	reader      Reader
	problem     func(string)
	progress    func(done, total int)
	rows        []compared
	moved       map[catalog.DocumentID]bool
	done, total int
	problems    int
}

// compared is what is known of a row so far.
type compared struct {
	digest        uint64
	held, catalog bool // seen in the index, in the catalog
}

// index reads what the index holds.
func (c *comparison) index(ctx context.Context) error {
	for content, err := range c.reader.Contents(ctx) {
		if err != nil {
			return err
		}
		c.step(1)
		row := content.Row
		switch {
		case !c.table.Live(row):
			err = c.report("row %d is in the index and belongs to no document", row)
		case c.rows[row].held:
			err = c.report("%s is in the index twice", c.passage(row))
		default:
			c.rows[row].digest, c.rows[row].held = content.Digest, true
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// catalog compares it with what it should hold.
func (c *comparison) catalog(changes iter.Seq2[catalog.Change, error]) error {
	for change, err := range changes {
		if err != nil {
			return err
		}
		d := change.Document
		if d == nil {
			continue
		}
		if change.Revision > c.table.revision {
			c.moved[d.Document.DocumentID] = true
			continue
		}
		if d.Document.State != catalog.Present {
			continue
		}
		var batch Batch
		batch.add(d, false)
		for _, e := range batch.Add {
			if err := c.entry(e); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *comparison) entry(e Entry) error {
	c.step(1)
	if !c.table.Live(e.Row) {
		return c.report("row %d is a passage of the catalog, and no query looks for it", e.Row)
	}
	r := &c.rows[e.Row]
	r.catalog = true
	want, held := c.reader.Digest(e)
	switch {
	case held && !r.held:
		return c.report("%s is not in the index", c.passage(e.Row))
	case !held && r.held:
		return c.report("%s is in the index and has nothing to be found by", c.passage(e.Row))
	case held && r.digest != want:
		return c.report("%s is found by other content than the catalog's", c.passage(e.Row))
	}
	return nil
}

// unseen reports the rows that queries look for and the catalog has not named.
func (c *comparison) unseen() error {
	for i := range c.rows {
		row := catalog.Row(i)
		if c.rows[i].catalog || !c.table.Live(row) || c.moved[c.table.ID(row).Document] {
			continue
		}
		if err := c.report("%s is looked for by queries and is not in the catalog", c.passage(row)); err != nil {
			return err
		}
	}
	return nil
}

func (c *comparison) passage(row catalog.Row) string {
	id := c.table.ID(row)
	return fmt.Sprintf("passage %d of document %q of source %q, version %d", id.Ordinal, id.Document.ID, id.Document.Source, id.Version)
}

func (c *comparison) report(format string, args ...any) error {
	c.problem(fmt.Sprintf(format, args...))
	if c.problems++; c.problems == maxProblems {
		c.problem("further differences are not listed")
		return errEnough
	}
	return nil
}

// progressRows is how many rows are read between two words on progress.
const progressRows = 1000

func (c *comparison) step(rows int) {
	before := c.done
	c.done += rows
	if c.progress != nil && (c.done/progressRows > before/progressRows || c.done == c.total) {
		c.progress(min(c.done, c.total), c.total)
	}
}

// Contents is the reader's. An error that is not the caller's takes the index out of
// service, as one of Search does.
func (w watched) Contents(ctx context.Context) iter.Seq2[Content, error] {
	return func(yield func(Content, error) bool) {
		for c, err := range w.Reader.Contents(ctx) {
			if err != nil && ctx.Err() == nil {
				w.failed(err)
				err = errors.Join(ErrIndexFailed, err)
			}
			if !yield(c, err) {
				return
			}
		}
	}
}

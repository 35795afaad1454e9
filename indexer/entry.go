package indexer

import (
	"cmp"
	"math"
	"time"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/catalog"
)

// entry is what the table keeps of one present document: as much as finding, filtering and
// deciding need, because all documents are in memory.
type entry struct {
	catalog.DocumentID
	governance    *governance
	version       int64
	accessVersion int64
	owner         acl.Principal
	labels        map[string]string
	supersedes    []catalog.DocumentID
	disputed      []catalog.DocumentID
	place         uint64 // of its address, 0 = none, or nothing to find there
	modified      instant
	synced        instant
	aclSynced     instant
	more          *particulars // nil if there are none
	contentAt     catalog.Revision
	vectorsAt     catalog.Revision
	rows          catalog.Rows
	waits         bool // for its vectors
}

func newEntry(d *catalog.Document, g *governance) *entry {
	e := &entry{
		DocumentID: catalog.DocumentID{Source: g.source, ID: d.ID}, // one string for all documents of a source
		governance: g, version: d.Version, accessVersion: d.Access.Version, owner: d.Owner, labels: d.Labels,
		supersedes: d.Supersedes, disputed: disputed(d), contentAt: d.ContentAt, vectorsAt: d.VectorsAt, rows: d.Rows,
		modified: instantOf(d.Modified), synced: instantOf(d.Synced), aclSynced: instantOf(d.ACLSynced),
	}
	if len(d.SupersededBy) > 0 || !d.Verified.At.IsZero() || d.ReviewInterval > 0 || !d.ValidFrom.IsZero() || !d.ValidUntil.IsZero() {
		e.more = &particulars{
			d.SupersededBy, instantOf(d.Verified.At), d.Verified.By, d.ReviewInterval, instantOf(d.ValidFrom), instantOf(d.ValidUntil),
		}
	}
	if d.URI != "" && d.Rows.Count > 0 {
		e.place = placeOf(d.URI)
	}
	return e
}

// instant is a time in nanoseconds since 1970, 0 if it is not known: a third of a time.Time, of
// which there are several for each document. The instant 0 itself, and those beyond the years
// 1678 to 2262, are the nearest there is.
type instant int64

func instantOf(t time.Time) instant {
	switch {
	case t.IsZero():
		return 0
	case t.Before(firstTime):
		return math.MinInt64
	case t.After(lastTime):
		return math.MaxInt64
	}
	return instant(cmp.Or(t.UnixNano(), 1))
}

func (i instant) time() time.Time {
	if i == 0 {
		return time.Time{}
	}
	return time.Unix(0, int64(i)).UTC()
}

var firstTime, lastTime = time.Unix(0, math.MinInt64), time.Unix(0, math.MaxInt64)

// particulars are what few documents have, or what is worth little room.
type particulars struct {
	supersededBy []catalog.DocumentID
	verified     instant
	verifiedBy   acl.Principal
	interval     time.Duration
	from, until  instant // of its validity
}

// dated reports whether the document has a validity to be held against the clock.
func (e *entry) dated() bool { return e.more != nil && (e.more.from != 0 || e.more.until != 0) }

// dates is the entry's document as far as it is judged by.
func (e *entry) dates() catalog.Document {
	d := catalog.Document{DocumentID: e.DocumentID, Modified: e.modified.time(), Synced: e.synced.time(), ACLSynced: e.aclSynced.time()}
	if m := e.more; m != nil {
		d.SupersededBy = m.supersededBy
		d.Verified = catalog.Verification{By: m.verifiedBy, At: m.verified.time()}
		d.ReviewInterval, d.ValidFrom, d.ValidUntil = m.interval, m.from.time(), m.until.time()
	}
	return d
}

// document is the entry's document as far as it decides who may read.
func (e *entry) document() *catalog.Document {
	return &catalog.Document{
		DocumentID: e.DocumentID, Version: e.version, State: catalog.Present,
		Access: catalog.Access{
			Version: e.accessVersion, Policy: e.governance.policy, Container: e.governance.container, Sensitivity: e.governance.sensitivity,
		},
	}
}

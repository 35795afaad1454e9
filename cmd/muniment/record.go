package main

import (
	"encoding/hex"
	"encoding/json"
	"time"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/audit"
	"github.com/muniment/muniment/catalog"
	"github.com/muniment/muniment/indexer"
)

// changeRecords is the audit records of a change, stored in the change's own commit: one
// of the change and, where it has removed documents, one of each.
func changeRecords(at catalog.Revision, by indexer.Actor, m catalog.Mutation, o catalog.Outcome) (bodies [][]byte) {
	now := time.Now().UTC()
	add := func(c audit.Change) {
		c.Revision = uint64(at)
		b, err := json.Marshal(audit.Record{Time: now, Kind: audit.KindChange, App: string(by.App), User: string(by.User), Change: &c})
		if err != nil {
			panic("muniment: encoding an audit record: " + err.Error()) // plain data always encodes
		}
		bodies = append(bodies, b)
	}
	add(changeOf(m, o))
	removal := "delete document"
	if _, ok := m.(catalog.CollectTombstones); ok {
		removal = "drop tombstone"
	}
	for _, d := range o.Removed {
		add(audit.Change{
			Op: removal, Source: d.Source, ID: d.ID, Version: d.Version, ContentHash: hex.EncodeToString(d.ContentHash[:]),
		})
	}
	return bodies
}

// What a provisioning client's change is called, by what it leaves and of what.
var (
	entryChanges = map[catalog.EntryState]string{catalog.Active: "provision", catalog.Inactive: "deactivate", catalog.Removed: "deprovision"}
	entryKinds   = map[acl.Kind]string{acl.User: "user", acl.Group: "group"}
)

// changeOf names what a mutation has changed.
func changeOf(m catalog.Mutation, o catalog.Outcome) audit.Change {
	document := func(op string, id catalog.DocumentID) audit.Change {
		c := audit.Change{Op: op, Source: id.Source, ID: id.ID}
		if d := o.Document; d != nil {
			c.Version, c.ContentHash = d.Version, hex.EncodeToString(d.ContentHash[:])
		}
		return c
	}
	switch m := m.(type) {
	case catalog.PutDocument:
		return document("put document", m.Document.DocumentID)
	case catalog.PutAccess:
		return document("change access", m.Document)
	case catalog.DeleteDocument:
		return document("delete document", m.Document)
	case catalog.PutVectors:
		return document("embed document", m.Document)
	case catalog.VerifyDocument:
		c := document("verify document", m.Document)
		c.Note = m.Note
		return c
	case catalog.SettleConflict:
		c := document("settle conflict", m.First)
		c.With = m.Settlement.With.Source + "/" + m.Settlement.With.ID
		c.Verdict, c.Note = m.Settlement.Verdict.String(), m.Settlement.Note
		return c
	case catalog.PutContainer:
		return audit.Change{Op: "put container", Source: m.Container.Source, ID: m.Container.ID, Version: m.Container.Version}
	case catalog.PutGroup:
		return audit.Change{Op: "put group", ID: string(m.Group)}
	case catalog.PutEntry:
		return audit.Change{Op: entryChanges[m.Entry.State] + " " + entryKinds[m.Entry.Principal.Kind()], ID: string(m.Entry.Principal), Version: m.Entry.Version}
	case catalog.PutSource:
		return audit.Change{Op: "put source", Source: m.Source}
	case catalog.StartSync:
		return audit.Change{Op: "start sync", Source: m.Source}
	case catalog.CommitSync:
		return audit.Change{Op: "commit sync", Source: m.Source}
	case catalog.AbortSync:
		return audit.Change{Op: "abort sync", Source: m.Source}
	case catalog.CollectTombstones:
		return audit.Change{Op: "drop tombstones", Source: m.Source}
	default:
		return audit.Change{Op: "change"}
	}
}

package desk

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/catalog"
	"github.com/muniment/muniment/freshness"
)

// short is a duration without what is zero of it: "24h".
func short(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// signs are what is known of the documents of a source that the view admits. When something
// hidden arrived, or how often it is retrieved, is no part of it.
type signs map[string]sign

type sign struct {
	last       time.Time // when the newest of them arrived: the sign of life of a source that was never synced
	retrievals int64     // of the one retrieved most
}

func (s signs) note(d catalog.Document, retrievals int64) {
	of := s[d.Source]
	if d.Synced.After(of.last) {
		of.last = d.Synced
	}
	of.retrievals = max(of.retrievals, retrievals)
	s[d.Source] = of
}

// deadSources adds the sources of the office that are silent, or whose last sync failed. They
// are no documents, so only a filter on sources leaves any of them.
func (w *worklist) deadSources(ctx context.Context, seen signs) error {
	rest := w.Filter
	if rest.Sources = nil; !rest.Empty() || len(w.States) > 0 {
		return nil
	}
	list, err := w.desk.Indexer.Store.Sources(ctx)
	if err != nil {
		return err
	}
	for _, s := range list {
		if !w.office.Has(s.Name) || len(w.Filter.Sources) > 0 && !slices.Contains(w.Filter.Sources, s.Name) {
			continue
		}
		last := s.LastSync
		if last.IsZero() {
			last = seen[s.Name].last
		}
		item := WorkItem{Kind: DeadSource, Source: s.Name, Priority: deadSeverity * used(seen[s.Name].retrievals)}
		lag := w.view.At().Sub(last)
		switch broken := s.Error != "" || s.Session != nil && s.Session.Expired(w.view.At()); {
		case freshness.Clocks{Confirmed: last, Cadence: s.Settings.Cadence}.Silent(w.view.At()):
			times := float64(lag.Truncate(wholeDay)) / freshness.Patience / float64(s.Settings.Cadence)
			item.Priority *= min(max(times, 1), mostOverdue)
			item.Summary = fmt.Sprintf("the source %q has not been synced since %s, though it promises to be every %s", s.Name, last.UTC().Format(time.DateOnly), short(s.Settings.Cadence))
			item.Action = "find out why its job does not run; until then nothing of it can be trusted"
		case broken:
			item.Summary = fmt.Sprintf("the last sync of the source %q went wrong", s.Name)
			item.Action = "see what went wrong (muniment source list), mend it, and sync again"
		default:
			continue
		}
		if s.Settings.Contact != "" {
			item.Action += "; contact: " + s.Settings.Contact
		}
		w.add(item)
	}
	return nil
}

// owned counts the documents of each owner, by source where there is no owner.
type owned map[acl.Principal]map[string]int

func (o owned) note(d catalog.Document) {
	if o[d.Owner] == nil {
		o[d.Owner] = map[string]int{}
	}
	o[d.Owner][d.Source]++
}

// ownersGone adds the owners who are nobody. Whether one is says the directory, but it is asked
// about owners of documents in view alone.
func (w *worklist) ownersGone(all owned) {
	directory := w.state.Directory()
	for owner, sources := range all {
		why := gone(directory, owner, w.Elsewhere)
		if why == "" {
			continue
		}
		if owner == "" { // nobody is told of them together
			for source, n := range sources {
				w.add(WorkItem{
					Kind: OwnerGone, Source: source, Documents: n, Priority: ownerSeverity * math.Log2(1+float64(n)),
					Summary: fmt.Sprintf("%s of the source %q %s no owner", count(n, "document"), source, verb(n, "has", "have")),
					Action:  "say at the source who answers for them",
				})
			}
			continue
		}
		item := WorkItem{Kind: OwnerGone, Owner: owner, Action: "say at the source who answers for them now"}
		for source, n := range sources {
			item.Documents += n
			item.Source = source
		}
		if len(sources) > 1 {
			item.Source = ""
		}
		item.Priority = ownerSeverity * math.Log2(1+float64(item.Documents))
		item.Summary = fmt.Sprintf("%s %s to %s, %s", count(item.Documents, "document"), verb(item.Documents, "belongs", "belong"), owner, why)
		w.add(item)
	}
}

// verb is a verb for a number of things.
func verb(n int, one, more string) string {
	if n == 1 {
		return one
	}
	return more
}

// gone says why an owner is nobody, "" for one who is somebody.
func gone(directory *acl.Directory, owner acl.Principal, elsewhere func(acl.Principal) bool) string {
	switch kind := owner.Kind(); {
	case owner == "":
		return "which is nobody"
	case kind == acl.User && directory.Deactivated(owner):
		return "who has been deactivated"
	case kind != acl.Group || elsewhere(owner):
		return ""
	case directory.Members(owner) == nil:
		return "a group that is not known"
	case !peopled(directory, owner, elsewhere, map[acl.Principal]bool{}):
		return "a group without members"
	}
	return ""
}

// peopled reports whether somebody who has not been deactivated is in a group, directly or not.
func peopled(directory *acl.Directory, group acl.Principal, elsewhere func(acl.Principal) bool, seen map[acl.Principal]bool) bool {
	seen[group] = true
	for _, m := range directory.Members(group) {
		switch {
		case m.Kind() != acl.Group:
			if !directory.Deactivated(m) {
				return true
			}
		case elsewhere(m), !seen[m] && peopled(directory, m, elsewhere, seen):
			return true
		}
	}
	return false
}

package retriever_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/audit"
	"github.com/muniment/muniment/retriever"
)

// The record of an answer pins the groups that decided: those of a token, or that it was the
// directory at the revision of the record.
func TestRecordPinsGroups(t *testing.T) {
	d := newDesk(t)
	d.send(t, page("a.md", "A", "the anchor", "group:corp/eng"))
	for want, groups := range map[string][]acl.Principal{audit.FromDirectory: nil, audit.FromClaim: {"group:corp/eng", "group:corp/all"}} {
		caller := ada
		caller.Groups = groups
		answer := d.ask(t, caller, retriever.Request{Query: "anchor"})
		record, _, err := d.log.Record(t.Context(), answer.Entry.Index)
		must(t, err)
		if diff := cmp.Diff(audit.GroupsOf(caller), record.Groups); diff != "" || record.Groups.From != want {
			t.Errorf("groups from the %s (-want +got):\n%s", want, diff)
		}
		if got := len(answer.Results); got != len(groups)/2 {
			t.Errorf("groups from the %s: %d passages", want, got)
		}
	}
}

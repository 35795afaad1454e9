package retriever_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/catalog"
	"github.com/muniment/muniment/internal/prove"
	"github.com/muniment/muniment/retriever"
)

// A caller in 10,000 groups, the most there may be, is answered about as fast as one in 10:
// who somebody is is found out once for each state of the groups, and what somebody may
// read once for each state of the catalog. Both ask in turn, so that whatever else the
// machine does meets both. Medians are compared: the first question of a caller costs more.
func TestWideCallers(t *testing.T) {
	d := newDesk(t)
	many := wide(t, d, "wide", acl.MaxGroups)
	few := wide(t, d, "narrow", 10)
	for i := range 300 {
		d.send(t, page(fmt.Sprintf("%d.md", i), "Leave", fmt.Sprintf("Leave of %d days, agreed with team %d.", i, i%7),
			acl.Principal(fmt.Sprintf("group:wide-%d", i%acl.MaxGroups)), acl.Principal(fmt.Sprintf("group:narrow-%d", i%10))))
	}
	rounds := prove.Count(201, 2001)
	var took [2][]time.Duration
	for i := range rounds {
		for j, caller := range []acl.Identity{many, few} {
			start := time.Now()
			a := d.ask(t, caller, retriever.Request{Query: fmt.Sprintf("leave agreed with team %d", i%7)})
			took[j] = append(took[j], time.Since(start))
			if len(a.Results) != 10 {
				t.Fatalf("%s finds %d passages", caller.User, len(a.Results))
			}
		}
	}
	first := took[0][0]
	for j := range took {
		slices.Sort(took[j])
	}
	slow, fast := took[0][rounds/2], took[1][rounds/2]
	ratio := float64(slow) / float64(fast)
	t.Logf("in %d groups %v, in 10 groups %v: %.2f times; the first question, which finds the groups, %v", acl.MaxGroups, slow, fast, ratio, first)
	if ratio > 2 {
		t.Errorf("a caller in %d groups waits %.2f times as long as one in 10", acl.MaxGroups, ratio)
	}
	prove.Report(t, "wide callers", "in %d groups %v, in 10 groups %v (medians of %d answers each): %.2f times, at most 2", acl.MaxGroups, slow, fast, rounds, ratio)
}

// wide is a caller in n groups, half of which contain the other half.
func wide(t testing.TB, d *desk, name string, n int) acl.Identity {
	t.Helper()
	who := person(name)
	var groups []catalog.Mutation
	for i := range n {
		group := acl.Principal(fmt.Sprintf("group:%s-%d", name, i))
		member := who.User
		if i >= n/2 {
			member = acl.Principal(fmt.Sprintf("group:%s-%d", name, i-n/2))
		}
		groups = append(groups, catalog.PutGroup{Group: group, Members: []acl.Principal{member}})
	}
	d.send(t, groups...)
	return who
}

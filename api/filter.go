package api

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/muniment/muniment/freshness"
	"github.com/muniment/muniment/indexer"
	pb "github.com/muniment/muniment/proto/muniment/v1"
)

// toFilter is what the request restricts its search to. Errors name the fields that contradict
// themselves or each other: a search that can find nothing is a mistake.
func toFilter(req *pb.RetrieveRequest) (indexer.Filter, error) {
	f := req.GetFilter()
	filter, bad := toFields(f)
	filter.Trust = trusts[req.GetTrust()]
	if at := req.GetAsOf(); at != nil && (at.AsTime().Before(firstInstant) || at.AsTime().After(lastInstant)) {
		bad = append(bad, violation{"as_of", fmt.Sprintf("must lie between %d and %d", firstInstant.Year(), lastInstant.Year())})
	}
	for i, s := range f.GetStates() {
		filter.States = append(filter.States, stateOf[s])
		if req.GetTrust() >= pb.Trust_TRUST_CURRENT_ONLY && leftOut[s] {
			bad = append(bad, violation{fmt.Sprintf("filter.states[%d]", i), fmt.Sprintf("asks for %s, which trust %s leaves out",
				strings.TrimPrefix(s.String(), "STATE_"), strings.TrimPrefix(req.GetTrust().String(), "TRUST_"))})
		}
	}
	if len(bad) > 0 {
		return filter, invalid("INVALID_FIELD", bad...)
	}
	return filter, nil
}

// toScope is which documents a steward asks about; states are no part of it, because whatever
// state a document is in is a steward's to see.
func toScope(f *pb.Filter) (indexer.Filter, error) {
	filter, bad := toFields(f)
	if len(bad) > 0 {
		return filter, invalid("INVALID_FIELD", bad...)
	}
	return filter, nil
}

// toFields is what documents are restricted to by their own fields.
func toFields(f *pb.Filter) (filter indexer.Filter, bad []violation) {
	filter = indexer.Filter{Sources: f.GetSources(), Labels: f.GetLabels(), Owners: toPrincipals(f.GetOwners())}
	for _, c := range f.GetContainers() {
		filter.Containers = append(filter.Containers, toID(c))
	}
	for _, r := range []struct {
		name  string
		given *pb.TimeRange
		to    *indexer.Range
	}{
		{"modified", f.GetModified(), &filter.Modified}, {"verified", f.GetVerified(), &filter.Verified},
		{"synced", f.GetSynced(), &filter.Synced}, {"acl_synced", f.GetAclSynced(), &filter.ACLSynced},
	} {
		*r.to = indexer.Range{From: toTime(r.given.GetFrom()), Until: toTime(r.given.GetUntil())}
		if from, until := r.to.From, r.to.Until; !from.IsZero() && !until.IsZero() && !from.Before(until) {
			bad = append(bad, violation{"filter." + r.name + ".until", "must be after from"})
		}
	}
	return filter, bad
}

// The instants that documents can be judged at: those that nanoseconds since 1970 can count.
var firstInstant, lastInstant = time.Unix(0, math.MinInt64).UTC(), time.Unix(0, math.MaxInt64).UTC()

var trusts = map[pb.Trust]indexer.Trust{
	pb.Trust_TRUST_UNSPECIFIED: indexer.InForce, pb.Trust_TRUST_CURRENT_ONLY: indexer.CurrentOnly,
	pb.Trust_TRUST_VERIFIED_ONLY: indexer.VerifiedOnly,
}

// leftOut are the states of which trust in any document leaves out all.
var leftOut = map[pb.Freshness_State]bool{
	pb.Freshness_STATE_SUPERSEDED: true, pb.Freshness_STATE_OUTDATED: true, pb.Freshness_STATE_NOT_YET_VALID: true,
}

var stateOf = func() map[pb.Freshness_State]freshness.State {
	m := map[pb.Freshness_State]freshness.State{}
	for s, wire := range states {
		m[wire] = s
	}
	return m
}()

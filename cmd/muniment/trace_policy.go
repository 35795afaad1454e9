package main

import (
	"fmt"
	"strings"

	pb "github.com/muniment/muniment/proto/muniment/v1"
)

// policyLines says what let a passage through, a line for each node.
func policyLines(p *pb.TracedPolicy, revision int64) (lines []string) {
	from := "no longer kept"
	switch p.GetOrigin() {
	case pb.TracedPolicy_ORIGIN_HISTORY:
		from = fmt.Sprintf("as it was at revision %d", revision)
	case pb.TracedPolicy_ORIGIN_UNCHANGED:
		from = "as it is now, which has the recorded hash"
	}
	if p.GetOmitted() {
		from += ", too long to be told here"
	}
	hash := p.GetHash()
	if hash == "" {
		hash = "not recorded"
	}
	lines = append(lines, fmt.Sprintf("policy %s; hash %s", from, hash))
	for _, n := range p.GetNodes() {
		lines = append(lines, "  "+refName(n.GetNode())+": "+policyWords(n.GetPolicy()))
	}
	return lines
}

// mostGrants is how many principals of a list are printed.
const mostGrants = 20

// policyWords is a policy in words.
func policyWords(p *pb.Policy) string {
	if p == nil {
		return "no policy of its own"
	}
	var layers []string
	for _, l := range p.GetLayers() {
		s := "allows " + principals(l.GetAllow())
		if len(l.GetDeny()) > 0 {
			s += " and denies " + principals(l.GetDeny())
		}
		layers = append(layers, s)
	}
	s := strings.Join(layers, ", and also ")
	switch {
	case len(layers) == 0:
		s = "admits nobody"
	case p.GetInherit() == pb.Inherit_INHERIT_EXTEND:
		s += "; or what its parent admits"
	case p.GetInherit() == pb.Inherit_INHERIT_REPLACE:
		s += "; whatever its parent says"
	}
	return s
}

func principals(grants []*pb.Grant) string {
	if len(grants) == 0 {
		return "nobody"
	}
	var names []string
	for _, g := range grants[:min(len(grants), mostGrants)] {
		name := g.GetPrincipal()
		if g.GetNotBefore() != nil {
			name += " from " + moment(g.GetNotBefore())
		}
		if g.GetNotAfter() != nil {
			name += " until " + moment(g.GetNotAfter())
		}
		names = append(names, name)
	}
	if more := len(grants) - mostGrants; more > 0 {
		names = append(names, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(names, ", ")
}

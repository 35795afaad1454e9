package main

import (
	"fmt"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/muniment/muniment/acl/reference"
	pb "github.com/muniment/muniment/proto/muniment/v1"
)

// policy makes up a policy in any mode, of no layer up to two.
func (w *world) policy() *pb.Policy {
	p := &pb.Policy{Inherit: pb.Inherit(pick(w, 0, 1, 2, 2, 2, 3, 3, 3))}
	for range pick(w, 0, 1, 1, 1, 1, 1, 1, 2) {
		l := &pb.Layer{}
		for range 2 + w.IntN(4) {
			l.Allow = append(l.Allow, w.grant())
		}
		if w.IntN(4) == 0 {
			l.Deny = append(l.Deny, w.grant())
		}
		p.Layers = append(p.Layers, l)
	}
	return p
}

// grant names somebody, sometimes for a time that is over, or has not come.
func (w *world) grant() *pb.Grant {
	g := &pb.Grant{Principal: pick(w, append(worldGroups, worldPeople...)...)}
	past, future := timestamppb.New(time.Unix(1e9, 0)), timestamppb.New(time.Unix(8e9, 0))
	switch w.IntN(10) {
	case 0:
		g.NotAfter = past
	case 1:
		g.NotAfter = future
	case 2:
		g.NotBefore = future
	case 3:
		g.NotBefore = past
	}
	return g
}

// text is a few words.
func (w *world) text(n int) string {
	var list []string
	for range n {
		list = append(list, pick(w, worldWords...))
	}
	return strings.Join(list, " ")
}

// prose is a page: a sentence with numbers that copies contradict, and one to four sections.
func (w *world) prose() string {
	text := fmt.Sprintf("The ferry leaves the slip after %d minutes. A berth costs £%d a day. The crew of the ferry rests for %d hours.\n",
		pick(w, 15, 30), pick(w, 40, 45), pick(w, 8, 9))
	for i := range 1 + w.IntN(4) {
		text += fmt.Sprintf("\n## Section %d\n\n%s.\n", i+1, w.text(5+w.IntN(60)))
	}
	return text
}

// toReference says the policy in the reference's terms.
func toReference(p *pb.Policy) *reference.Policy {
	if p == nil {
		return nil
	}
	grants := func(list []*pb.Grant) (out []reference.Grant) {
		for _, g := range list {
			r := reference.Grant{Principal: g.GetPrincipal()}
			if g.GetNotBefore() != nil {
				r.NotBefore = g.GetNotBefore().AsTime()
			}
			if g.GetNotAfter() != nil {
				r.NotAfter = g.GetNotAfter().AsTime()
			}
			out = append(out, r)
		}
		return out
	}
	out := &reference.Policy{}
	switch p.GetInherit() {
	case pb.Inherit_INHERIT_EXTEND:
		out.Inherit = reference.Extend
	case pb.Inherit_INHERIT_REPLACE:
		out.Inherit = reference.Replace
	}
	for _, l := range p.GetLayers() {
		out.Layers = append(out.Layers, reference.Layer{Allow: grants(l.GetAllow()), Deny: grants(l.GetDeny())})
	}
	return out
}

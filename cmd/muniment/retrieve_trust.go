package main

import (
	"strings"

	"github.com/spf13/cobra"

	pb "github.com/muniment/muniment/proto/muniment/v1"
)

// trustFlags restrict a question by how far documents can be trusted, and by their dates.
type trustFlags struct {
	trust, asOf string
	states      []string
	dates       [4]struct{ after, before string }
}

// trustDates are the dates of a document that --NAME-after and --NAME-before restrict.
var trustDates = [4]struct{ name, what string }{
	{"modified", "whose text was changed at its source"}, {"verified", "whose text somebody vouched for"},
	{"synced", "whose version arrived here"}, {"acl-synced", "whose permissions arrived here"},
}

func (t *trustFlags) flags(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&t.trust, "trust", "", "current-only: nothing that a newer document replaces; verified-only: nor what nobody has vouched for")
	f.StringVar(&t.asOf, "as-of", "", "judge documents as of this day or instant: 2026-10-09, or 2026-10-09T15:04:05Z; texts and rights are those of now")
	f.StringArrayVar(&t.states, "state", nil, "only documents in this state: "+strings.Join(stateWords(), ", ")+"; may be repeated")
	for i, d := range trustDates {
		f.StringVar(&t.dates[i].after, d.name+"-after", "", "only documents "+d.what+" on this day or at this instant, or later")
		f.StringVar(&t.dates[i].before, d.name+"-before", "", "only documents "+d.what+" before this day or instant")
	}
}

// flagWord is an enum's value as the command line writes it: "not-yet-valid".
func flagWord(value, prefix string) string {
	return strings.ReplaceAll(strings.ToLower(strings.TrimPrefix(value, prefix)), "_", "-")
}

func stateWords() (list []string) {
	for n := 1; pb.Freshness_State_name[int32(n)] != ""; n++ {
		list = append(list, flagWord(pb.Freshness_State_name[int32(n)], "STATE_"))
	}
	return list
}

// apply fills in the request.
func (t *trustFlags) apply(req *pb.RetrieveRequest) (err error) {
	value := func(word, prefix string, values map[string]int32) int32 {
		return values[prefix+strings.ReplaceAll(strings.ToUpper(word), "-", "_")]
	}
	if t.trust != "" {
		if req.Trust = pb.Trust(value(t.trust, "TRUST_", pb.Trust_value)); req.Trust == 0 {
			return usagef("--trust takes current-only or verified-only, not %q", t.trust)
		}
	}
	for _, word := range t.states {
		s := pb.Freshness_State(value(word, "STATE_", pb.Freshness_State_value))
		if s == 0 {
			return usagef("--state takes %s, not %q", strings.Join(stateWords(), ", "), word)
		}
		req.Filter.States = append(req.Filter.States, s)
	}
	if req.AsOf, err = instantFlag("as-of", t.asOf); err != nil {
		return err
	}
	for i, to := range []**pb.TimeRange{&req.Filter.Modified, &req.Filter.Verified, &req.Filter.Synced, &req.Filter.AclSynced} {
		r := &pb.TimeRange{}
		if r.From, err = instantFlag(trustDates[i].name+"-after", t.dates[i].after); err != nil {
			return err
		}
		if r.Until, err = instantFlag(trustDates[i].name+"-before", t.dates[i].before); err != nil {
			return err
		}
		if r.From != nil || r.Until != nil {
			*to = r
		}
	}
	return nil
}

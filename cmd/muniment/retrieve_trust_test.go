package main

import (
	"testing"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	pb "github.com/muniment/muniment/proto/muniment/v1"
)

func TestTrustFlags(t *testing.T) {
	for _, c := range []struct {
		args []string
		want string // "" = a mistake
	}{
		{nil, `{"filter": {}}`},
		{[]string{"--trust", "current-only", "--as-of", "2026-01-01"}, `{"trust": "TRUST_CURRENT_ONLY", "as_of": "2026-01-01T00:00:00Z", "filter": {}}`},
		{[]string{"--trust=verified-only", "--state", "not-yet-valid", "--state", "fresh"},
			`{"trust": "TRUST_VERIFIED_ONLY", "filter": {"states": ["STATE_NOT_YET_VALID", "STATE_FRESH"]}}`},
		{[]string{"--modified-after", "2026-01-01", "--modified-before", "2026-02-01T12:00:00+01:00", "--acl-synced-before", "2026-03-01", "--verified-after=2026-04-01", "--synced-after=2026-05-01"},
			`{"filter": {"modified": {"from": "2026-01-01T00:00:00Z", "until": "2026-02-01T11:00:00Z"}, "acl_synced": {"until": "2026-03-01T00:00:00Z"},
			"verified": {"from": "2026-04-01T00:00:00Z"}, "synced": {"from": "2026-05-01T00:00:00Z"}}}`},
		{[]string{"--trust", "all"}, ""},
		{[]string{"--state", "unspecified"}, ""},
		{[]string{"--as-of", "yesterday"}, ""},
		{[]string{"--verified-before", "2026"}, ""},
	} {
		var flags trustFlags
		command := &cobra.Command{}
		flags.flags(command)
		if err := command.ParseFlags(c.args); err != nil {
			t.Errorf("%v: %v", c.args, err)
			continue
		}
		got, want := &pb.RetrieveRequest{Filter: &pb.Filter{}}, &pb.RetrieveRequest{}
		err := flags.apply(got)
		if c.want == "" {
			if err == nil {
				t.Errorf("%v: no mistake", c.args)
			}
			continue
		}
		if err := protojson.Unmarshal([]byte(c.want), want); err != nil {
			t.Fatal(err)
		}
		if err != nil || !proto.Equal(got, want) {
			t.Errorf("%v: %v, %v", c.args, got, err)
		}
	}
}

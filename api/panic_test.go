package api_test

import (
	"context"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"

	"github.com/muniment/muniment/indexer/embed"
	pb "github.com/muniment/muniment/proto/muniment/v1"
)

// jumpy is the embedded default, but for texts that it cannot bear.
type jumpy struct{ *embed.Static }

func (j jumpy) Embed(ctx context.Context, texts []string) ([][]float32, error) {
	for _, text := range texts {
		if strings.Contains(text, "boo") {
			panic("secret of the stack: " + text)
		}
	}
	return j.Static.Embed(ctx, texts)
}

// A panic is an internal error to the caller whose request it was, and nothing to others.
func TestPanicsAreContained(t *testing.T) {
	static, err := embed.Default()
	if err != nil {
		t.Fatal(err)
	}
	s := start(t, jumpy{static})
	acks := s.send(s.as(ada, "ingest"), page("handbook", "a", "text"), page("handbook", "b", "boo"), page("handbook", "c", "text"))
	for i, want := range []codes.Code{codes.OK, codes.Internal, codes.OK} {
		if code, _ := refusal(acks[i]); code != want || strings.Contains(acks[i].String(), "secret") {
			t.Errorf("acknowledgement %d: %v, want %v", i+1, acks[i], want)
		}
	}
	client := pb.NewRetrievalServiceClient(s.conn)
	_, err = client.Retrieve(s.as(ada), &pb.RetrieveRequest{Query: "boo"})
	if code, why := reason(err); code != codes.Internal || why != "INTERNAL" || strings.Contains(err.Error(), "secret") {
		t.Errorf("a query that panics: %v", err)
	}
	if resp, err := client.Retrieve(s.as(ada), &pb.RetrieveRequest{Query: "text"}); err != nil || len(resp.GetResults()) != 2 {
		t.Errorf("after a panic: %v, %v", resp, err)
	}
}

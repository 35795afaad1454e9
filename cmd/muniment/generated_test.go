package main

import (
	"fmt"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/muniment/muniment/api/identity"
	pb "github.com/muniment/muniment/proto/muniment/v1"
)

// generated is document i of an endless collection, always the same.
func generated(i int) *pb.IngestRequest {
	w := newWorld(uint64(1000 + i))
	d := &pb.Document{
		Source: "generated", Id: fmt.Sprintf("%04d", i), Version: 1, Title: w.text(3), Text: w.prose(), Mime: "text/markdown",
		Modified: timestamppb.New(time.Date(2000+i%25, 1, 1, 0, 0, 0, 0, time.UTC)), Policy: everyone(),
	}
	if i%3 == 0 {
		d.Policy = allow("user:local/signe")
	}
	return documentItem(d)
}

func generatedItems(n int) (list []*pb.IngestRequest) {
	for i := range n {
		list = append(list, generated(i))
	}
	return list
}

// allAnswers puts the company's questions, and as many of made-up words, to the server and
// returns the answers, without what may differ.
func (s *server) allAnswers(questions []question, made int) (list []heard) {
	s.t.Helper()
	ask := func(r identity.Request, query string, limit int32) {
		req := &pb.RetrieveRequest{Query: query, Limit: limit}
		list = append(list, s.call(s.as(r), pb.RetrievalService_Retrieve_FullMethodName, req, &pb.RetrieveResponse{}))
	}
	for _, q := range questions {
		ask(identity.Request{Subject: q.As, Clearance: q.Clearance}, q.Question, 10)
	}
	w := newWorld(5)
	for range made {
		query := w.text(1 + w.IntN(3))
		ask(identity.Request{Subject: "user:local/signe"}, query, 10)
		ask(identity.Request{Subject: "user:local/finn"}, query, 100)
	}
	return list
}

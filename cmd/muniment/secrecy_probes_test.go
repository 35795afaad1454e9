package main

import (
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/timestamppb"

	pb "github.com/muniment/muniment/proto/muniment/v1"
)

var timeLongAgo = time.Unix(1e9, 0)

// probe asks about a secret by one method.
type probe struct {
	name   string
	method protoreflect.MethodDescriptor
	make   func(x secret) []proto.Message
}

func probedMethods(probes []probe) int {
	seen := map[protoreflect.FullName]bool{}
	for _, p := range probes {
		seen[p.method.FullName()] = true
	}
	return len(seen)
}

// secretProbes lists what is asked about each target: by every method that takes a name,
// with the rest of the request as it should be, and malformed.
func secretProbes() (list []probe) {
	methods := contract(new(testing.T))
	add := func(method protoreflect.FullName, name string, make func(x secret) proto.Message) {
		list = append(list, probe{name, methods[method], func(x secret) []proto.Message { return one(make(x)) }})
	}
	ref := func(x secret) *pb.DocumentRef { return &pb.DocumentRef{Source: x.source, Id: x.id} }
	long := strings.Repeat("x", 5000)

	const get, retrieve = "muniment.v1.DocumentService.GetDocument", "muniment.v1.RetrievalService.Retrieve"
	add(get, "get", func(x secret) proto.Message { return &pb.GetDocumentRequest{Document: ref(x)} })
	add(get, "get with a made-up token", func(x secret) proto.Message {
		return &pb.GetDocumentRequest{Document: ref(x), AtLeastAsFresh: "made up"}
	})
	add(get, "get with a long token", func(x secret) proto.Message { return &pb.GetDocumentRequest{Document: ref(x), AtLeastAsFresh: long} })
	add(retrieve, "retrieve within the container", func(x secret) proto.Message {
		return &pb.RetrieveRequest{Query: "plan", Filter: &pb.Filter{Containers: []*pb.DocumentRef{ref(x)}}}
	})
	add(retrieve, "retrieve within the container and another source", func(x secret) proto.Message {
		return &pb.RetrieveRequest{Query: "plan", Filter: &pb.Filter{Containers: []*pb.DocumentRef{ref(x)}, Sources: []string{x.source, "handbook"}}}
	})
	add(retrieve, "retrieve a page with a made-up token", func(x secret) proto.Message {
		return &pb.RetrieveRequest{Query: "plan", PageToken: "made up", Filter: &pb.Filter{Containers: []*pb.DocumentRef{ref(x)}}}
	})
	add(retrieve, "retrieve with a bad limit", func(x secret) proto.Message {
		return &pb.RetrieveRequest{Query: "plan", Limit: 101, Filter: &pb.Filter{Containers: []*pb.DocumentRef{ref(x)}}}
	})

	const explain, preview = "muniment.v1.AccessService.ExplainAccess", "muniment.v1.AccessService.PreviewAccessChange"
	add(explain, "explain", func(x secret) proto.Message {
		return &pb.ExplainAccessRequest{Document: ref(x), Subject: &pb.Subject{Principal: "user:local/bo"}}
	})
	add(explain, "explain of nobody", func(x secret) proto.Message { return &pb.ExplainAccessRequest{Document: ref(x)} })
	add(explain, "explain with an unknown label", func(x secret) proto.Message {
		return &pb.ExplainAccessRequest{Document: ref(x), Subject: &pb.Subject{Principal: "user:local/bo", Clearance: "no such label"}}
	})
	for _, c := range secretItems() {
		switch c.make(secret{source: "s", id: "i"}).GetItem().(type) {
		case *pb.IngestRequest_Access:
			add(preview, "preview of "+c.name, func(x secret) proto.Message {
				return &pb.PreviewAccessChangeRequest{Change: &pb.PreviewAccessChangeRequest_Access{Access: c.make(x).GetAccess()}}
			})
		case *pb.IngestRequest_Container:
			add(preview, "preview of "+c.name, func(x secret) proto.Message {
				return &pb.PreviewAccessChangeRequest{Change: &pb.PreviewAccessChangeRequest_Container{Container: c.make(x).GetContainer()}}
			})
		}
	}

	const sources = "muniment.v1.SourceService."
	add(sources+"SetSource", "set the source", func(x secret) proto.Message { return &pb.SetSourceRequest{Source: &pb.Source{Name: x.source}} })
	add(sources+"SetSource", "set the source badly", func(x secret) proto.Message {
		return &pb.SetSourceRequest{Source: &pb.Source{Name: x.source, VersionClock: 99, Contact: long}}
	})
	add(sources+"StartSync", "start a sync", func(x secret) proto.Message { return &pb.StartSyncRequest{Source: x.source, RequestId: x.id} })
	add(sources+"StartSync", "start a sync badly", func(x secret) proto.Message {
		return &pb.StartSyncRequest{Source: x.source, RequestId: long}
	})
	add(sources+"CommitSync", "commit the sync", func(x secret) proto.Message { return &pb.CommitSyncRequest{Source: x.source, Session: x.session} })
	add(sources+"CommitSync", "commit the sync badly", func(x secret) proto.Message {
		return &pb.CommitSyncRequest{Source: x.source, Session: x.session, Documents: -1}
	})
	add(sources+"AbortSync", "abort the sync", func(x secret) proto.Message { return &pb.AbortSyncRequest{Source: x.source, Session: x.session} })
	add(sources+"AbortSync", "abort whichever sync", func(x secret) proto.Message { return &pb.AbortSyncRequest{Source: x.source} })
	add(sources+"AbortSync", "abort the sync badly", func(x secret) proto.Message { return &pb.AbortSyncRequest{Source: x.source, Error: long} })

	const answer, records, trace = "muniment.v1.RetrievalService.RecordAnswer", "muniment.v1.AuditService.ListRecords", "muniment.v1.AuditService.Trace"
	report := func(x secret, cited ...*pb.Citation) *pb.RecordAnswerRequest {
		return &pb.RecordAnswerRequest{
			RetrievalIds: []string{x.record}, Citations: cited, Outcome: pb.Outcome_OUTCOME_SHOWN,
			Answer: &pb.RecordAnswerRequest_AnswerText{AnswerText: "yes"},
		}
	}
	add(answer, "report an answer", func(x secret) proto.Message { return report(x) })
	add(answer, "report an answer that cites it", func(x secret) proto.Message {
		return report(x, &pb.Citation{Location: &pb.Citation_CitationId{CitationId: x.source + "/" + x.id + "@5#0"}},
			&pb.Citation{Location: &pb.Citation_FileCitation{FileCitation: &pb.FileCitation{FileId: x.source + "/" + x.id + "@5#0"}}},
			&pb.Citation{Location: &pb.Citation_UrlCitation{UrlCitation: &pb.UrlCitation{Url: x.source + "/" + x.id + "@5#0"}}},
			&pb.Citation{Location: &pb.Citation_SearchResultLocation{SearchResultLocation: &pb.SearchResultLocation{Source: x.source + "/" + x.id + "@5#0"}}})
	})
	add(answer, "report an answer badly", func(x secret) proto.Message { return report(x, &pb.Citation{}) })
	add(records, "records", func(x secret) proto.Message { return &pb.ListRecordsRequest{Document: ref(x)} })
	add(records, "records, badly", func(x secret) proto.Message { return &pb.ListRecordsRequest{Document: ref(x), Limit: -1} })
	add(trace+"Answer", "trace by receipt", func(x secret) proto.Message { return &pb.TraceAnswerRequest{Answer: x.receipt} })
	add(trace+"Answer", "trace by id", func(x secret) proto.Message { return &pb.TraceAnswerRequest{Answer: x.record} })
	add("muniment.v1.AuditService.ReplayRetrieval", "replay by receipt", func(x secret) proto.Message { return &pb.ReplayRetrievalRequest{Retrieval: x.receipt} })
	add("muniment.v1.AuditService.ReplayRetrieval", "replay by id", func(x secret) proto.Message { return &pb.ReplayRetrievalRequest{Retrieval: x.record} })
	add(trace+"Document", "trace the document", func(x secret) proto.Message { return &pb.TraceDocumentRequest{Document: ref(x)} })
	add(trace+"Document", "trace the document, badly", func(x secret) proto.Message {
		return &pb.TraceDocumentRequest{Document: ref(x), PageToken: "made up"}
	})
	const verify = "muniment.v1.StewardshipService.VerifyDocument"
	add(verify, "verify", func(x secret) proto.Message {
		return &pb.VerifyDocumentRequest{Document: ref(x), ContentHash: hashOfText("plan")}
	})
	add(verify, "verify without a hash", func(x secret) proto.Message { return &pb.VerifyDocumentRequest{Document: ref(x), Note: long} })
	const desk = "muniment.v1.StewardshipService."
	within := func(x secret) *pb.Filter {
		return &pb.Filter{Containers: []*pb.DocumentRef{ref(x)}, Sources: []string{x.source, "nowhere"}}
	}
	add(desk+"ListWork", "work", func(x secret) proto.Message { return &pb.ListWorkRequest{Filter: within(x)} })
	add(desk+"ListWork", "work, badly", func(x secret) proto.Message { return &pb.ListWorkRequest{Filter: within(x), Limit: -1} })
	add(desk+"ListConflicts", "conflicts", func(x secret) proto.Message {
		return &pb.ListConflictsRequest{Filter: within(x), IncludeResolved: true}
	})
	add(desk+"ListConflicts", "conflicts, badly", func(x secret) proto.Message {
		return &pb.ListConflictsRequest{Filter: within(x), PageToken: "made up"}
	})
	other := &pb.DocumentRef{Source: "handbook", Id: "never"}
	add(desk+"ResolveConflict", "resolve", func(x secret) proto.Message {
		return &pb.ResolveConflictRequest{ConflictId: "made up", A: ref(x), B: other, Verdict: pb.Verdict_VERDICT_A_IS_RIGHT}
	})
	add(desk+"ResolveConflict", "resolve, the other way round", func(x secret) proto.Message {
		return &pb.ResolveConflictRequest{ConflictId: "made up", A: other, B: ref(x), Verdict: pb.Verdict_VERDICT_A_IS_RIGHT}
	})
	add(desk+"ResolveConflict", "resolve with itself", func(x secret) proto.Message {
		return &pb.ResolveConflictRequest{ConflictId: "made up", A: ref(x), B: ref(x)}
	})
	add(desk+"ResolveConflict", "resolve, badly", func(x secret) proto.Message {
		return &pb.ResolveConflictRequest{ConflictId: "made up", A: ref(x), Verdict: 99, Note: long}
	})
	const freshness = "muniment.v1.StewardshipService.ReportFreshness"
	add(freshness, "report on the container", func(x secret) proto.Message {
		return &pb.ReportFreshnessRequest{AsOf: timestamppb.New(timeLongAgo), Filter: &pb.Filter{Containers: []*pb.DocumentRef{ref(x)}}}
	})
	add(freshness, "report on the container and another source", func(x secret) proto.Message {
		return &pb.ReportFreshnessRequest{AsOf: timestamppb.New(timeLongAgo), Filter: &pb.Filter{Containers: []*pb.DocumentRef{ref(x)}, Sources: []string{x.source, "nowhere"}}}
	})
	add(freshness, "report, badly", func(x secret) proto.Message {
		return &pb.ReportFreshnessRequest{Limit: -1, Filter: &pb.Filter{Containers: []*pb.DocumentRef{ref(x)}}}
	})
	add("muniment.v1.AuditService.GetRecord", "record", func(x secret) proto.Message { return &pb.GetRecordRequest{Receipt: x.receipt} })
	add("muniment.v1.DirectoryService.GetGroup", "group", func(x secret) proto.Message { return &pb.GetGroupRequest{Name: "group:" + x.id} })

	for _, c := range secretItems() {
		list = append(list, probe{"ingest " + c.name, methods["muniment.v1.IngestionService.Ingest"], func(x secret) []proto.Message { return one(c.make(x)) }})
	}
	return list
}

// secretItem makes an item of a stream about a target.
type secretItem struct {
	name string
	make func(x secret) *pb.IngestRequest
}

func secretItems() []secretItem {
	document := func(edit func(*pb.Document, secret)) func(x secret) *pb.IngestRequest {
		return func(x secret) *pb.IngestRequest {
			d := &pb.Document{Source: x.source, Id: x.id, Version: 5, Title: "The plan", Text: "The merger is planned for May."}
			edit(d, x)
			return documentItem(d)
		}
	}
	access := func(edit func(*pb.DocumentAccess, secret)) func(x secret) *pb.IngestRequest {
		return func(x secret) *pb.IngestRequest {
			a := &pb.DocumentAccess{Source: x.source, Id: x.id, AccessVersion: 9, Policy: everyone()}
			edit(a, x)
			return &pb.IngestRequest{Item: &pb.IngestRequest_Access{Access: a}}
		}
	}
	container := func(edit func(*pb.Container, secret)) func(x secret) *pb.IngestRequest {
		return func(x secret) *pb.IngestRequest {
			c := &pb.Container{Source: x.source, Id: x.id, Version: 3, Policy: everyone()}
			edit(c, x)
			return &pb.IngestRequest{Item: &pb.IngestRequest_Container{Container: c}}
		}
	}
	deep := &pb.Policy{}
	for range 17 {
		deep.Layers = append(deep.Layers, everyone().GetLayers()...)
	}
	return []secretItem{
		{"a document", document(func(d *pb.Document, _ secret) {})},
		{"a document with an older version", document(func(d *pb.Document, _ secret) { d.Version = 1 })},
		{"a document of everyone's", document(func(d *pb.Document, _ secret) { d.Version, d.Policy, d.AccessVersion = 1<<40, everyone(), 1<<40 })},
		{"a document in the container, that supersedes", document(func(d *pb.Document, x secret) {
			d.Container, d.Supersedes = &x.id, []*pb.DocumentRef{{Source: x.source, Id: x.id}}
		})},
		{"a document with a negative version", document(func(d *pb.Document, _ secret) { d.Version = -1 })},
		{"a document with a deep policy", document(func(d *pb.Document, _ secret) { d.Policy = deep })},
		{"a document with an unknown label", document(func(d *pb.Document, _ secret) { d.Sensitivity = new("no such label") })},
		{"access", access(func(*pb.DocumentAccess, secret) {})},
		{"access in the container", access(func(a *pb.DocumentAccess, x secret) { a.Container = &x.id })},
		{"access with an older version", access(func(a *pb.DocumentAccess, _ secret) { a.AccessVersion = 0 })},
		{"access with a deep policy", access(func(a *pb.DocumentAccess, _ secret) { a.Policy = deep })},
		{"a container", container(func(*pb.Container, secret) {})},
		{"a container in itself", container(func(c *pb.Container, x secret) { c.Parent = x.id })},
		{"a container with an older version", container(func(c *pb.Container, _ secret) { c.Version = 1 })},
		{"a container with a deep policy", container(func(c *pb.Container, _ secret) { c.Policy = deep })},
		{"a deletion", func(x secret) *pb.IngestRequest {
			return &pb.IngestRequest{RequestId: x.id, Item: &pb.IngestRequest_Delete{Delete: &pb.DocumentDeletion{Source: x.source, Id: x.id, Version: 5}}}
		}},
		{"a deletion with a negative version", func(x secret) *pb.IngestRequest {
			return &pb.IngestRequest{Item: &pb.IngestRequest_Delete{Delete: &pb.DocumentDeletion{Source: x.source, Id: x.id, Version: -5}}}
		}},
		{"a presence", func(x secret) *pb.IngestRequest {
			return &pb.IngestRequest{Item: &pb.IngestRequest_Seen{Seen: &pb.DocumentPresence{Source: x.source, Id: x.id, Version: 5}}}
		}},
	}
}

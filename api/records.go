package api

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"iter"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/muniment/muniment/api/identity"
	"github.com/muniment/muniment/audit"
	"github.com/muniment/muniment/audit/trace"
	pb "github.com/muniment/muniment/proto/muniment/v1"
)

// defaultRecords is how many records, or uses, a page has if its request does not say.
const defaultRecords = 50

func (s auditing) ListRecords(ctx context.Context, req *pb.ListRecordsRequest) (*pb.ListRecordsResponse, error) {
	c, err := callOf(ctx)
	if err != nil {
		return nil, err
	}
	if err := s.validate(req); err != nil {
		return nil, err
	}
	subjects := asked(req)
	items := func(before int64) iter.Seq2[audit.Item, error] {
		if len(subjects) == 0 {
			return s.Audit.Backwards(ctx, before)
		}
		return s.Audit.Find(ctx, subjects[0], before)
	}
	list, next, err := s.leaf(c, req, orDefault(req.GetLimit(), defaultRecords), items, func(item audit.Item) bool {
		for _, subject := range subjects {
			if !item.Record.About(subject) {
				return false
			}
		}
		return true
	})
	if err != nil {
		return nil, err
	}
	if _, err := s.record(ctx, c, audit.Record{Kind: audit.KindRead, Read: &audit.Read{ID: "records"}}); err != nil {
		return nil, err
	}
	resp := &pb.ListRecordsResponse{NextPageToken: next}
	for _, item := range list {
		r := &pb.AuditRecord{Index: item.Index, LeafHash: hex.EncodeToString(item.Leaf[:])}
		if !item.Erased {
			body, err := json.Marshal(item.Record.WithoutText())
			if err != nil {
				return nil, err
			}
			r.Record = string(body)
		}
		if r.Receipt, err = s.receipt(item.Entry); err != nil {
			return nil, err
		}
		resp.Records = append(resp.Records, r)
	}
	return resp, nil
}

// asked is what the records must be about, what the fewest are about first: that is looked
// up, and the rest compared.
func asked(req *pb.ListRecordsRequest) (list []audit.Subject) {
	if d := req.GetDocument(); d != nil {
		list = append(list, audit.OfDocument(d.GetSource(), d.GetId()))
	}
	user, app := req.GetUser(), req.GetApp()
	switch {
	case user != "" && app != "":
		list = append(list, audit.ByCaller(user, app))
	case user != "":
		list = append(list, audit.ByUser(user))
	}
	if kind := req.GetKind(); kind != "" {
		list = append(list, audit.OfKind(audit.Kind(kind)))
	}
	if user == "" && app != "" {
		list = append(list, audit.ByApp(app))
	}
	return list
}

func (s auditing) TraceDocument(ctx context.Context, req *pb.TraceDocumentRequest) (*pb.TraceDocumentResponse, error) {
	c, err := callForSource(ctx, req.GetDocument().GetSource())
	if err != nil {
		return nil, err
	}
	if err := s.validate(req); err != nil {
		return nil, err
	}
	id := toID(req.GetDocument())
	items := func(before int64) iter.Seq2[audit.Item, error] {
		return s.Audit.Find(ctx, audit.OfDocument(id.Source, id.ID), before)
	}
	list, next, err := s.leaf(c, req, orDefault(req.GetLimit(), defaultRecords), items, func(item audit.Item) bool {
		_, used := trace.UseOf(item, id, req.Version)
		return used && (req.GetApp() == "" || req.GetApp() == item.Record.App)
	})
	if err != nil {
		return nil, err
	}
	if err := s.oversaw(ctx, c, "uses", id); err != nil {
		return nil, err
	}
	resp := &pb.TraceDocumentResponse{NextPageToken: next}
	for _, item := range list {
		use, _ := trace.UseOf(item, id, req.Version)
		out := fromUse(use)
		if c.Roles.May(identity.RoleAuditor, "") { // places in the log count what else happens
			out.Index = &item.Index
		}
		resp.Uses = append(resp.Uses, out)
	}
	return resp, nil
}

func fromUse(u trace.Use) *pb.DocumentUse {
	r := u.Record
	out := &pb.DocumentUse{
		Kind: string(r.Kind), Id: r.ID, Time: timestamppb.New(r.Time), User: r.User, App: r.App,
		Versions: u.Versions, Ranks: int32s(u.Ranks),
	}
	if r.Answer != nil {
		out.Outcome, out.RetrievalIds = outcome(r.Answer), r.Answer.Retrievals
	}
	return out
}

func outcome(a *audit.Answer) pb.Outcome {
	return pb.Outcome(pb.Outcome_value["OUTCOME_"+a.Outcome])
}

func int32s(list []int) (out []int32) {
	for _, n := range list {
		out = append(out, int32(n))
	}
	return out
}

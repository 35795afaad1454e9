package api

import (
	"context"

	"google.golang.org/protobuf/types/known/timestamppb"

	pb "github.com/muniment/muniment/proto/muniment/v1"
	"github.com/muniment/muniment/retriever"
)

type documents struct {
	pb.UnimplementedDocumentServiceServer
	*handler
}

func (s documents) GetDocument(ctx context.Context, req *pb.GetDocumentRequest) (*pb.GetDocumentResponse, error) {
	c, atLeast, err := s.begin(ctx, req)
	if err != nil {
		return nil, err
	}
	got, err := s.Retriever.Document(ctx, c.Identity, toID(req.GetDocument()), retriever.Request{ID: c.id, AtLeast: atLeast, Chain: c.Chain})
	if err != nil {
		return nil, err
	}
	receipt, err := s.receipt(got.Entry)
	if err != nil {
		return nil, err
	}
	d := got.Document
	return &pb.GetDocumentResponse{
		Document: fromID(d.DocumentID), Version: d.Version, Title: d.Title, Mime: d.MIME, Uri: d.URI, Text: got.Text,
		Owner: string(d.Owner), Container: d.Access.Container, Labels: d.Labels, Sensitivity: d.Access.Label(),
		RetentionClass: d.RetentionClass, Freshness: fromFinding(got.Finding, d, got.SupersededBy),
		ContentHash: contentHash(d), Receipt: receipt, RequestId: c.id, ServedAt: timestamppb.New(got.At),
		HiddenChars: int32(d.Hidden),
	}, nil
}

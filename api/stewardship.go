package api

import (
	"context"
	"encoding/hex"

	"github.com/muniment/muniment/freshness/desk"
	pb "github.com/muniment/muniment/proto/muniment/v1"
)

type stewardship struct {
	pb.UnimplementedStewardshipServiceServer
	*handler
}

func (s stewardship) VerifyDocument(ctx context.Context, req *pb.VerifyDocumentRequest) (*pb.VerifyDocumentResponse, error) {
	c, err := callForSource(ctx, req.GetDocument().GetSource())
	if err != nil {
		return nil, err
	}
	if err := s.validate(req); err != nil {
		return nil, err
	}
	v := desk.Verification{Document: toID(req.GetDocument()), Note: req.GetNote()}
	if _, err := hex.Decode(v.Content[:], []byte(req.GetContentHash())); err != nil {
		return nil, err // the contract admits 64 hexadecimal digits alone
	}
	now, at, err := s.desk.Verify(ctx, c.Identity, v)
	if err != nil {
		return nil, err
	}
	token, err := s.consistency(at)
	if err != nil {
		return nil, err
	}
	return &pb.VerifyDocumentResponse{Freshness: fromFinding(now.Finding, now.Document, now.SupersededBy), ConsistencyToken: token}, nil
}

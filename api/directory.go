package api

import (
	"context"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/audit"
	pb "github.com/muniment/muniment/proto/muniment/v1"
)

type directory struct {
	pb.UnimplementedDirectoryServiceServer
	*handler
}

func (s directory) GetCaller(ctx context.Context, req *pb.GetCallerRequest) (*pb.GetCallerResponse, error) {
	c, err := callOf(ctx)
	if err != nil {
		return nil, err
	}
	if err := s.validate(req); err != nil {
		return nil, err
	}
	if _, err := s.record(ctx, c, audit.Record{Kind: audit.KindRead, Read: &audit.Read{ID: "caller"}}); err != nil {
		return nil, err
	}
	resp := &pb.GetCallerResponse{User: string(c.User), App: string(c.App), Guest: c.Guest}
	for _, g := range c.Roles {
		resp.Roles = append(resp.Roles, g.String())
	}
	for _, label := range s.Scale {
		if c.Clearance[label] && c.Scope.Clearance[label] {
			resp.Clearance = append(resp.Clearance, label)
		}
	}
	return resp, nil
}

func (s directory) GetGroup(ctx context.Context, req *pb.GetGroupRequest) (*pb.GetGroupResponse, error) {
	c, err := callOf(ctx)
	if err != nil {
		return nil, err
	}
	if err := s.validate(req); err != nil {
		return nil, err
	}
	state, err := s.Indexer.Pin(ctx, 0)
	if err != nil {
		return nil, err
	}
	defer state.Release()
	members, err := state.Group(acl.Principal(req.GetName()))
	if err != nil {
		return nil, err
	}
	if _, err := s.record(ctx, c, audit.Record{Kind: "read", Read: &audit.Read{ID: req.GetName()}}); err != nil {
		return nil, err
	}
	resp := &pb.GetGroupResponse{Name: req.GetName()}
	for _, m := range members {
		resp.Members = append(resp.Members, string(m))
	}
	return resp, nil
}

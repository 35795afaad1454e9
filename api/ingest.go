package api

import (
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"sync"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/api/identity"
	"github.com/muniment/muniment/catalog"
	"github.com/muniment/muniment/indexer"
	pb "github.com/muniment/muniment/proto/muniment/v1"
)

// How much of one stream may be under way: items, and bytes in steps of itemBytes.
const (
	itemsUnderWay = 256
	itemBytes     = 256 << 10
)

type ingestion struct {
	pb.UnimplementedIngestionServiceServer
	*handler
}

// item is one request on its way: received, prepared, submitted, acknowledged. It is
// handed on in the order of the stream; only preparing happens side by side.
type item struct {
	position int64
	cost     int
	prepared chan struct{} // closed when mutation or err is set
	mutation catalog.Mutation
	request  catalog.Request
	instead  []catalog.Mutation // stored in place of a refused item
	closed   bool               // whether instead closes what the item names
	tickets  []indexer.Ticket   // of mutation, or of instead
	err      error
}

// Ingest pipelines the stream: while one item is committed, later ones are prepared. The
// stream ends when the token does, or when its caller may not call any more.
func (s ingestion) Ingest(stream pb.IngestionService_IngestServer) error {
	c, err := callOf(stream.Context())
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(stream.Context())
	defer cancel()
	places := make(chan struct{}, itemsUnderWay)
	received, submitted := make(chan *item, itemsUnderWay), make(chan *item, itemsUnderWay)
	ended := make(chan error, 1)
	go func() {
		defer close(received)
		ended <- s.receive(ctx, c, stream, places, received)
	}()
	go func() {
		defer close(submitted)
		s.submit(ctx, c, received, submitted)
	}()
	for {
		select {
		case it, ok := <-submitted:
			if !ok {
				return <-ended
			}
			ack := s.acknowledge(ctx, c, it)
			if ctx.Err() != nil { // what was given up, and may be stored, must not be called refused
				return ctx.Err()
			}
			if err := stream.Send(ack); err != nil {
				return err
			}
			// failpoint: api/acknowledged
			for range it.cost {
				<-places
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// receive takes items off the stream, as many as there are places for, and begins to
// prepare each.
func (s ingestion) receive(ctx context.Context, c call, stream pb.IngestionService_IngestServer, places chan struct{}, received chan<- *item) error {
	for position := int64(1); ; position++ {
		req, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		it := &item{position: position, prepared: make(chan struct{}), cost: 1 + proto.Size(req)/itemBytes}
		for range it.cost {
			select {
			case places <- struct{}{}:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		s.begin(ctx, c, it, req)
		received <- it // never blocks: there are as many places as items
	}
}

// begin authorises, validates and prepares the item; the slow part runs beside others'.
func (s ingestion) begin(ctx context.Context, c call, it *item, req *pb.IngestRequest) {
	if it.err = authorized(c, req); it.err != nil {
		close(it.prepared)
		return
	}
	select {
	case s.preparing <- struct{}{}:
	case <-ctx.Done():
		it.err = ctx.Err()
		close(it.prepared)
		return
	}
	release := sync.OnceFunc(func() { <-s.preparing })
	go func() {
		defer func() { release(); close(it.prepared) }()
		defer func() {
			if p := recover(); p != nil {
				s.Log.Error("panic while preparing an item", "position", it.position, "panic", p)
				it.err = errors.New("panic")
			}
		}()
		it.err = s.prepare(ctx, c, it, req, release)
		if it.err != nil && ctx.Err() == nil {
			it.instead, it.closed = instead(req, it.err)
		}
	}()
}

// prepare sets the item's mutation and the name it is remembered by. It calls release once
// it only waits for others.
func (s ingestion) prepare(ctx context.Context, c call, it *item, req *pb.IngestRequest, release func()) (err error) {
	if err = s.validate(req); err != nil {
		return err
	}
	if it.request, err = request(c, req); err != nil {
		return err
	}
	if it.mutation, err = s.Indexer.Draft(toMutation(req)); err != nil {
		return err
	}
	if s.Indexer.Patience > 0 {
		release() // waiting for an embedder elsewhere needs no processor
	}
	it.mutation, err = s.Indexer.Embed(ctx, it.mutation)
	return err
}

// submit hands prepared items to the writer in order.
func (s ingestion) submit(ctx context.Context, c call, received <-chan *item, submitted chan<- *item) {
	by := indexer.Actor{User: c.User, App: c.App}
	for it := range received {
		<-it.prepared
		if err := c.still(); err != nil { // the acknowledgement is not sent either
			it.err, it.instead = err, nil
		}
		mutations, request := it.instead, catalog.Request{}
		if it.err == nil {
			mutations, request = []catalog.Mutation{it.mutation}, it.request
		}
		for _, m := range mutations {
			ticket, err := s.Indexer.Submit(ctx, by, m, request)
			if err != nil {
				it.err = err
				break
			}
			it.tickets = append(it.tickets, ticket)
		}
		submitted <- it
	}
}

// acknowledge waits until the item is durable and in force.
func (s ingestion) acknowledge(ctx context.Context, c call, it *item) *pb.IngestResponse {
	ack := &pb.IngestResponse{Position: it.position, Status: pb.IngestResponse_STATUS_REFUSED}
	var o catalog.Outcome
	var at catalog.Revision
	err := it.err
	for _, ticket := range it.tickets {
		var waiting error
		if o, at, waiting = ticket.Wait(ctx); waiting != nil {
			err = waiting
		}
	}
	if it.closed && o.Refused == nil && !o.AccessKept {
		ack.Notices = append(ack.Notices, pb.IngestResponse_NOTICE_CLOSED)
	}
	// failpoint: api/before-acknowledge
	if err == nil && o.Refused != nil {
		err = fieldError{refusedField(it.mutation, o.Refused), o.Refused}
	}
	if err == nil {
		ack.ConsistencyToken, err = s.consistency(at)
	}
	if err != nil {
		answer := toStatus(err)
		if status.Code(answer) == codes.Internal {
			s.Log.Error("item failed", "position", it.position, "error", err)
		}
		why := refusalOf(pb.IngestionService_Ingest_FullMethodName, answer)
		why.Item = true
		s.Refusals.count(c, why)
		ack.Error = status.Convert(answer).Proto()
		return ack
	}
	ack.Status = pb.IngestResponse_STATUS_UNCHANGED
	if o.Changed {
		ack.Status = pb.IngestResponse_STATUS_APPLIED
	}
	ack.Notices, ack.Replayed = notices(it.mutation, o), o.Replayed
	if m, put := it.mutation.(catalog.PutDocument); put {
		ack.HiddenChars = int32(m.Document.Hidden)
	}
	return ack
}

// request names the item for the store, with a hash of all that it says.
func request(c call, req *pb.IngestRequest) (catalog.Request, error) {
	if req.GetRequestId() == "" {
		return catalog.Request{}, nil
	}
	b, err := proto.MarshalOptions{Deterministic: true}.Marshal(req)
	return catalog.Request{By: string(c.User) + "\x00" + string(c.App), ID: req.GetRequestId(), Payload: sha256.Sum256(b)}, err
}

// refusedField is the field that a refusal of the store is about.
func refusedField(m catalog.Mutation, refused error) string {
	if refused == catalog.ErrRequestReused {
		return "request_id"
	}
	switch m.(type) {
	case catalog.PutContainer:
		return "container.version"
	case catalog.PutGroup:
		return "group.name"
	case catalog.DeleteDocument:
		return "delete.version"
	case catalog.SeeDocument:
		return "seen.version"
	default:
		return "document.version"
	}
}

func notices(m catalog.Mutation, o catalog.Outcome) (list []pb.IngestResponse_Notice) {
	if o.AccessKept {
		list = append(list, pb.IngestResponse_NOTICE_ACCESS_KEPT)
	}
	if o.UnknownContainer != "" {
		list = append(list, pb.IngestResponse_NOTICE_UNKNOWN_CONTAINER)
	}
	document, put := m.(catalog.PutDocument)
	if d := o.Document; put && d != nil && d.Access.Policy == nil && d.Access.Container == "" {
		list = append(list, pb.IngestResponse_NOTICE_NO_POLICY)
	}
	if d := o.Document; put && d != nil && d.Pending {
		list = append(list, pb.IngestResponse_NOTICE_PENDING_EMBEDDING)
	}
	if document.Document.Hidden > 0 {
		list = append(list, pb.IngestResponse_NOTICE_HIDDEN_TEXT)
	}
	return list
}

// authorized reports whether the caller may write the item. It looks at the source alone,
// before anything else of the item is: what else is wrong with it is not for everyone.
func authorized(c call, req *pb.IngestRequest) error {
	var source string
	switch it := req.GetItem().(type) {
	case *pb.IngestRequest_Group:
		if !c.Roles.May(identity.RoleDirectory, "") {
			return fail(codes.PermissionDenied, "MISSING_ROLE", "a group needs the role directory")
		}
		return nil
	case *pb.IngestRequest_Container:
		source = it.Container.GetSource()
	case *pb.IngestRequest_Document:
		source = it.Document.GetSource()
	case *pb.IngestRequest_Access:
		source = it.Access.GetSource()
	case *pb.IngestRequest_Delete:
		source = it.Delete.GetSource()
	case *pb.IngestRequest_Seen:
		source = it.Seen.GetSource()
	default:
		return nil // nothing to write; validate refuses it
	}
	if !c.Roles.May(identity.RoleIngest, source) {
		return fail(codes.PermissionDenied, "MISSING_ROLE", "source %q needs the role ingest or ingest:%s", source, source)
	}
	return nil
}

func toMutation(req *pb.IngestRequest) catalog.Mutation {
	switch it := req.GetItem().(type) {
	case *pb.IngestRequest_Group:
		return catalog.PutGroup{Group: acl.Principal(it.Group.GetName()), Members: toPrincipals(it.Group.GetMembers())}
	case *pb.IngestRequest_Container:
		v := it.Container
		return catalog.PutContainer{Container: catalog.Container{
			DocumentID: catalog.DocumentID{Source: v.GetSource(), ID: v.GetId()},
			Version:    v.GetVersion(), Parent: v.GetParent(), Policy: toPolicy(v.GetPolicy()),
		}}
	case *pb.IngestRequest_Document:
		return toDocument(it.Document)
	case *pb.IngestRequest_Access:
		v := it.Access
		return catalog.PutAccess{
			Document: catalog.DocumentID{Source: v.GetSource(), ID: v.GetId()},
			Access:   catalog.AccessPatch{Version: v.GetAccessVersion(), Policy: toPolicy(v.GetPolicy()), Container: v.Container, Sensitivity: v.Sensitivity},
		}
	case *pb.IngestRequest_Seen:
		v := it.Seen
		return catalog.SeeDocument{Document: catalog.DocumentID{Source: v.GetSource(), ID: v.GetId()}, Stored: true, Version: v.GetVersion()}
	default:
		v := req.GetDelete()
		return catalog.DeleteDocument{Document: catalog.DocumentID{Source: v.GetSource(), ID: v.GetId()}, Version: v.GetVersion()}
	}
}

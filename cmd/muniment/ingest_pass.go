package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"google.golang.org/grpc/status"

	"github.com/muniment/muniment/cmd/muniment/folder"
	pb "github.com/muniment/muniment/proto/muniment/v1"
)

// folderPass sends a folder as one scan found it.
type folderPass struct {
	*folderRun
	tree *folder.Tree
	tally

	documents  int      // that the folder has, each sent or named at least once
	unreadable []string // files of which it is not known what they hold
	again      []attempt
	committed  bool
	removed    int // -1 = some, but the answer that says how many was lost
}

// attempt is one way to tell the server of a file; when it fails for a reason that another
// way avoids, that one is tried next.
type attempt struct {
	file folder.File
	way  way
}

type way int

const (
	asKnown way = iota // by a seen item if it did not change, else as read
	asRead             // with the version that the file has
	asOfNow            // with a version of now, for the server has a later one, or another text under it
)

// send sends containers and documents and waits until all are acknowledged.
func (p *folderPass) send(ctx context.Context) error {
	o := newOutbox(p.conn, p.retryFor, p.lost(p.retryFor))
	ended := make(chan struct{})
	ctx, cancel := context.WithCancel(ctx)
	defer func() { cancel(); <-ended }() // the tree is closed after this
	return o.deliver(ctx, func(ctx context.Context) error {
		defer close(ended)
		return p.produce(ctx, o)
	})
}

func (p *folderPass) produce(ctx context.Context, o *outbox) error {
	for _, c := range p.tree.Containers {
		err := o.post(ctx, &pb.IngestRequest{Item: &pb.IngestRequest_Container{Container: c}}, func(ack *pb.IngestResponse) {
			if ack.GetStatus() == pb.IngestResponse_STATUS_REFUSED {
				p.refuse("folder "+c.GetId(), refusal(status.FromProto(ack.GetError())), ack)
			}
		})
		if err != nil {
			return err
		}
	}
	for _, f := range p.tree.Files {
		if err := p.tell(ctx, o, attempt{file: f}); err != nil {
			return err
		}
	}
	for {
		// After this nobody adds to again: all is acknowledged.
		if err := o.flush(ctx); err != nil || len(p.again) == 0 {
			return err
		}
		list := p.again
		p.again = nil
		for _, a := range list {
			if err := p.tell(ctx, o, a); err != nil {
				return err
			}
		}
	}
}

// tell posts an item for one file.
func (p *folderPass) tell(ctx context.Context, o *outbox, a attempt) error {
	name := a.file.Name
	stamp, settled, err := p.tree.Stamp(a.file)
	p.mu.Lock()
	before, known := p.known[name]
	p.mu.Unlock()
	if err == nil && a.way == asKnown && known && before.stamp == stamp {
		p.documents++
		return o.post(ctx, &pb.IngestRequest{Item: &pb.IngestRequest_Seen{Seen: &pb.DocumentPresence{
			Source: p.source, Id: name, Version: before.version,
		}}}, func(ack *pb.IngestResponse) {
			if ack.GetStatus() == pb.IngestResponse_STATUS_REFUSED {
				p.again = append(p.again, attempt{a.file, asRead}) // somebody else changed it
			} else {
				p.count(ack)
			}
		})
	}
	document, warnings, err := p.tree.Document(a.file)
	for _, w := range warnings {
		p.warn(name, w)
	}
	if skip, ok := errors.AsType[folder.Skip](err); ok {
		p.tree.Skipped[skip]++
		return nil
	}
	if closed, ok := errors.AsType[*folder.Refusal](err); ok {
		return p.close(ctx, o, a.file, closed)
	}
	if err != nil {
		p.unreadable = append(p.unreadable, name)
		p.refuse(name, err.Error(), nil)
		return nil
	}
	if a.way == asKnown {
		p.documents++
	}
	if a.way == asOfNow {
		document.Version = time.Now().UnixMicro()
	}
	return o.post(ctx, &pb.IngestRequest{Item: &pb.IngestRequest_Document{Document: document}}, func(ack *pb.IngestResponse) {
		p.answered(a, ack)
		if ack.GetStatus() != pb.IngestResponse_STATUS_REFUSED && settled && p.watch {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.known[name] = acknowledged{stamp, document.GetVersion()}
		}
	})
}

// answered counts the answer to a document, or has it sent once more.
func (p *folderPass) answered(a attempt, ack *pb.IngestResponse) {
	if ack.GetStatus() != pb.IngestResponse_STATUS_REFUSED {
		p.count(ack)
		return
	}
	s := status.FromProto(ack.GetError())
	if why := reason(s); a.way != asOfNow && (why == "VERSION_REUSED" || why == "VERSION_STALE") {
		p.again = append(p.again, attempt{a.file, asOfNow})
		return
	}
	p.refuse(a.file.Name, refusal(s), ack)
}

// close shuts a document to everybody because its file no longer says for certain who may
// read it. The commit takes it away: the session has not seen it.
func (p *folderPass) close(ctx context.Context, o *outbox, f folder.File, why *folder.Refusal) error {
	return o.post(ctx, &pb.IngestRequest{Item: &pb.IngestRequest_Access{Access: p.tree.Closing(f)}}, func(ack *pb.IngestResponse) {
		text := why.Error() + "; nobody may read it until that is mended"
		if ack.GetStatus() == pb.IngestResponse_STATUS_REFUSED {
			text = why.Error() + "; it could not be closed either: " + refusal(status.FromProto(ack.GetError()))
		}
		p.refuse(f.Name, text, nil)
	})
}

// warn prints what was left out of a document.
func (p *folderPass) warn(name, text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	fmt.Fprintf(p.refusals, "%s: %s\n", name, text)
}

package main

import (
	"path/filepath"
	"strings"
	"testing"
	"unicode"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"

	pb "github.com/muniment/muniment/proto/muniment/v1"
)

// TestControlCharactersStayOffTheTerminal: the text of documents is other people's. What
// is printed for a person holds nothing that a terminal would obey.
func TestControlCharactersStayOffTheTerminal(t *testing.T) {
	t.Parallel()
	s := startServer(t, t.TempDir())
	const nasty = "\x1b]0;owned\x07\x1b[2J\x1b[31mred\u009b31m \r back"
	s.mustSend(documentItem(page("terminal", func(d *pb.Document) { d.Title, d.Text = "Terminal "+nasty, "A terminal obeys "+nasty })))
	token := s.token(reader("user:local/ada"))
	for _, args := range [][]string{{"retrieve", "terminal"}, {"retrieve", "--full", "terminal"}, {"document", "get", "bad", "terminal"}} {
		got := program(t, append(args, "--addr", s.addr, "--token", token)...)
		if got.code != exitOK || !strings.Contains(got.stdout, "A terminal obeys") {
			t.Errorf("%v: %+v", args, got)
		}
		if i := strings.IndexFunc(got.stdout, func(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' }); i >= 0 {
			t.Errorf("%v prints %q", args, got.stdout[max(0, i-10):min(len(got.stdout), i+20)])
		}
	}
}

// TestProtoset: the file holds all that a generic client needs to call every service.
func TestProtoset(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "muniment.protoset")
	if got := program(t, "protoset", file); got.code != exitOK {
		t.Fatalf("protoset: %+v", got)
	}
	set := &descriptorpb.FileDescriptorSet{}
	if err := proto.Unmarshal([]byte(readFile(t, file)), set); err != nil {
		t.Fatal(err)
	}
	files, err := protodesc.NewFiles(set)
	if err != nil {
		t.Fatalf("the files do not hold together: %v", err)
	}
	for _, service := range []string{"IngestionService", "RetrievalService", "DocumentService", "DirectoryService", "AuditService"} {
		if _, err := files.FindDescriptorByName(pb.File_muniment_v1_retrieval_proto.Package().Append(protoreflect.Name(service))); err != nil {
			t.Errorf("%s: %v", service, err)
		}
	}
}

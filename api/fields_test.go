package api

import (
	"fmt"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	pb "github.com/muniment/muniment/proto/muniment/v1"
)

// requests is every message that validate sees.
var requests = []proto.Message{
	&pb.IngestRequest{}, &pb.RetrieveRequest{}, &pb.GetDocumentRequest{}, &pb.GetGroupRequest{}, &pb.GetRecordRequest{},
	&pb.VerifyDocumentRequest{}, &pb.ReportFreshnessRequest{},
}

// place is a field somewhere below a message: its path as an error names it, and a
// function that returns a new message in which everything on the way to the field is
// there, together with the message that holds the field.
type place struct {
	path  string
	field protoreflect.FieldDescriptor
	make  func() (root, holder protoreflect.Message)
}

// places lists every field of a message and of the messages below it.
func places(m proto.Message) []place {
	return below(m.ProtoReflect().Descriptor(), "", func() (protoreflect.Message, protoreflect.Message) {
		root := m.ProtoReflect().New()
		return root, root
	})
}

func below(d protoreflect.MessageDescriptor, prefix string, within func() (root, holder protoreflect.Message)) (list []place) {
	for i := range d.Fields().Len() {
		f := d.Fields().Get(i)
		path := strings.TrimPrefix(prefix+"."+string(f.Name()), ".")
		list = append(list, place{path, f, within})
		if f.Kind() != protoreflect.MessageKind || f.IsMap() {
			continue
		}
		if f.IsList() {
			path += "[0]"
		}
		list = append(list, below(f.Message(), path, func() (root, holder protoreflect.Message) {
			root, holder = within()
			if f.IsList() {
				return root, holder.Mutable(f).List().AppendMutable().Message()
			}
			return root, holder.Mutable(f).Message()
		})...)
	}
	return list
}

// texts lists the ways to put a text into a field: none if it holds no text, two for a map.
func (p place) texts(text string) (list []proto.Message) {
	value := protoreflect.ValueOfString(text)
	add := func(set func(holder protoreflect.Message)) {
		root, holder := p.make()
		set(holder)
		list = append(list, root.Interface())
	}
	switch {
	case p.field.IsMap() && p.field.MapValue().Kind() == protoreflect.StringKind:
		add(func(holder protoreflect.Message) {
			holder.Mutable(p.field).Map().Set(value.MapKey(), protoreflect.ValueOfString("value"))
		})
		add(func(holder protoreflect.Message) {
			holder.Mutable(p.field).Map().Set(protoreflect.ValueOfString("key").MapKey(), value)
		})
	case p.field.Kind() != protoreflect.StringKind:
	case p.field.IsList():
		add(func(holder protoreflect.Message) {
			holder.Mutable(p.field).List().Append(protoreflect.ValueOfString("first"))
			holder.Mutable(p.field).List().Append(value)
		})
	default:
		add(func(holder protoreflect.Message) { holder.Set(p.field, value) })
	}
	return list
}

// with is a message that holds the value in the field, which holds messages of its kind.
func (p place) with(value proto.Message) (proto.Message, bool) {
	if p.field.IsMap() || p.field.IsList() || p.field.Kind() != protoreflect.MessageKind ||
		p.field.Message().FullName() != value.ProtoReflect().Descriptor().FullName() {
		return nil, false
	}
	root, holder := p.make()
	holder.Set(p.field, protoreflect.ValueOfMessage(value.ProtoReflect()))
	return root.Interface(), true
}

// impossible are times and durations that no value of the product can hold, or that would
// be taken for something else.
var impossible = []proto.Message{
	&timestamppb.Timestamp{Seconds: 1 << 60},
	&timestamppb.Timestamp{Seconds: 253402300800}, // the year 10000
	&timestamppb.Timestamp{Seconds: -62135596801},
	&timestamppb.Timestamp{Seconds: -62135596800}, // 0001-01-01, which is "absent" inside
	&timestamppb.Timestamp{Nanos: -1},
	&timestamppb.Timestamp{Nanos: 1e9},
	&durationpb.Duration{Seconds: 1 << 60},
	&durationpb.Duration{Seconds: 1, Nanos: -1},
	&durationpb.Duration{Seconds: 315576000000}, // 10,000 years, more than a time.Duration
	&durationpb.Duration{Seconds: -1},
}

// indexless is a path without its places in lists.
func indexless(path string) string {
	for i := range 3 {
		path = strings.ReplaceAll(path, fmt.Sprintf("[%d]", i), "")
	}
	return path
}

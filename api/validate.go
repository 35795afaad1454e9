package api

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"unicode/utf8"

	"buf.build/go/protovalidate"
	"google.golang.org/grpc/encoding"
	grpcproto "google.golang.org/grpc/encoding/proto"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// validate checks a message against the rules of the contract, and against what no rule
// can say: text that is not UTF-8 or holds NUL, and fields this version does not know,
// which may be a deny that must not be skipped.
func (h *handler) validate(m proto.Message) error {
	if v, bad := malformed(m.ProtoReflect(), ""); bad {
		return invalid("MALFORMED", v)
	}
	err := h.validator.Validate(m)
	broken, ok := errors.AsType[*protovalidate.ValidationError](err)
	if !ok {
		return err
	}
	var list []violation
	for _, v := range broken.Violations {
		list = append(list, violation{protovalidate.FieldPathString(v.Proto.GetField()), v.Proto.GetMessage()})
	}
	return invalid("INVALID_FIELD", list...)
}

// malformed finds the first string with NUL, impossible time, or field not known, below m.
func malformed(m protoreflect.Message, path string) (found violation, bad bool) {
	switch v := m.Interface().(type) {
	case *timestamppb.Timestamp:
		// The first instant of year 1 stands for "absent" here; a grant that ended then
		// must not become one that never ends.
		if v.CheckValid() != nil || v.AsTime().IsZero() {
			return violation{path, "not a time between 0001-01-01T00:00:01Z and 9999-12-31T23:59:59Z"}, true
		}
		return violation{}, false
	case *durationpb.Duration:
		if v.CheckValid() != nil || v.AsDuration() == math.MaxInt64 {
			return violation{path, "not a duration of at most 292 years"}, true
		}
	}
	if raw := m.GetUnknown(); len(raw) > 0 {
		if field, ok := badText(m.Descriptor(), raw, path); ok {
			return violation{field, "not valid UTF-8"}, true
		}
		number, _, _ := protowire.ConsumeTag(raw)
		return violation{strings.TrimPrefix(fmt.Sprintf("%s.%d", path, number), "."), "a field this server does not know, or bytes that are no message"}, true
	}
	check := func(f protoreflect.FieldDescriptor, v protoreflect.Value, path string) {
		switch {
		case bad:
		case f.Kind() == protoreflect.StringKind && strings.ContainsRune(v.String(), 0):
			found, bad = violation{path, "must not contain NUL"}, true
		case f.Kind() == protoreflect.MessageKind:
			found, bad = malformed(v.Message(), path)
		}
	}
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		at := strings.TrimPrefix(path+"."+string(f.Name()), ".")
		switch {
		case f.IsMap():
			v.Map().Range(func(k protoreflect.MapKey, v protoreflect.Value) bool {
				if strings.ContainsRune(k.String(), 0) {
					found, bad = violation{at, "must not contain NUL"}, true
				}
				check(f.MapValue(), v, at)
				return !bad
			})
		case f.IsList() && (f.Kind() == protoreflect.MessageKind || f.Kind() == protoreflect.StringKind):
			for i := range v.List().Len() {
				check(f, v.List().Get(i), fmt.Sprintf("%s[%d]", at, i))
			}
		case !f.IsList():
			check(f, v, at)
		}
		return !bad
	})
	return found, bad
}

// badText finds the first string field in the encoded message that is not UTF-8.
func badText(d protoreflect.MessageDescriptor, raw []byte, path string) (string, bool) {
	for len(raw) > 0 {
		number, kind, n := protowire.ConsumeTag(raw)
		if n < 0 {
			return "", false
		}
		raw = raw[n:]
		if n = protowire.ConsumeFieldValue(number, kind, raw); n < 0 {
			return "", false
		}
		f := d.Fields().ByNumber(number)
		if f != nil && kind == protowire.BytesType {
			value, _ := protowire.ConsumeBytes(raw)
			at := strings.TrimPrefix(path+"."+string(f.Name()), ".")
			switch f.Kind() {
			case protoreflect.StringKind:
				if !utf8.Valid(value) {
					return at, true
				}
			case protoreflect.MessageKind:
				if field, ok := badText(f.Message(), value, at); ok {
					return field, true
				}
			}
		}
		raw = raw[n:]
	}
	return "", false
}

// strictCodec is gRPC's own codec, but for messages that cannot be decoded: gRPC would
// end the whole call with an internal error that names no field. Instead the bytes become
// the message's unknown fields, which validate refuses and explains, so that one bad item
// does not end a stream.
type strictCodec struct{}

var protoCodec = encoding.GetCodecV2(grpcproto.Name)

func (strictCodec) Name() string { return grpcproto.Name }

func (strictCodec) Marshal(v any) (mem.BufferSlice, error) { return protoCodec.Marshal(v) }

func (strictCodec) Unmarshal(data mem.BufferSlice, v any) error {
	err := protoCodec.Unmarshal(data, v)
	if m, ok := v.(proto.Message); ok && err != nil {
		proto.Reset(m)
		m.ProtoReflect().SetUnknown(data.Materialize())
		return nil
	}
	return err
}

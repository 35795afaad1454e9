package bolt

import (
	"encoding/binary"
	"fmt"
	"hash/crc64"
	"runtime"
	"strings"

	"github.com/fxamacker/cbor/v2"

	"github.com/muniment/muniment/catalog"
)

// A stored value is
//
//	format (1 byte) | hash of bucket and key (8) | checksum of all the rest (8) | payload
//
// The checksum tells a value that was altered; the hash of the key tells one that is
// whole but in the wrong place, which is what a lost or misdirected page write leaves.
const (
	format   = 1
	overhead = 1 + 8 + 8
)

var polynomial = crc64.MakeTable(crc64.ECMA)

func hashKey(bucket string, key []byte) uint64 {
	sum := crc64.Update(0, polynomial, []byte(bucket))
	sum = crc64.Update(sum, polynomial, []byte{0}) // no bucket's name has one
	return crc64.Update(sum, polynomial, key)
}

// seal returns the value to store under the key of the bucket.
func seal(bucket string, key, payload []byte) []byte {
	v := make([]byte, overhead, overhead+len(payload))
	v[0] = format
	binary.BigEndian.PutUint64(v[1:], hashKey(bucket, key))
	sum := crc64.Update(crc64.Update(0, polynomial, v[:9]), polynomial, payload)
	binary.BigEndian.PutUint64(v[9:], sum)
	return append(v, payload...)
}

// unseal returns the payload of a stored value. It is part of the value and must be
// copied before the transaction ends. Error: catalog.ErrDamaged.
func unseal(bucket string, key, value []byte) ([]byte, error) {
	switch {
	case len(value) < overhead:
		return nil, damaged(bucket, key, "it is cut short or missing")
	case value[0] != format:
		return nil, damaged(bucket, key, "its format is unknown")
	case binary.BigEndian.Uint64(value[1:]) != hashKey(bucket, key):
		return nil, damaged(bucket, key, "it belongs to another key")
	case binary.BigEndian.Uint64(value[9:]) != crc64.Update(crc64.Update(0, polynomial, value[:9]), polynomial, value[overhead:]):
		return nil, damaged(bucket, key, "its checksum is wrong")
	}
	return value[overhead:], nil
}

// checksum is the checksum that a sealed value carries.
func checksum(value []byte) uint64 { return binary.BigEndian.Uint64(value[9:]) }

func damaged(bucket string, key []byte, why string) error {
	return fmt.Errorf("%w: bucket %s, key %x: %s", catalog.ErrDamaged, bucket, key, why)
}

// The encoding of payloads. Times are text in UTC with nanoseconds, because CBOR's
// numeric times lose precision; a year over 9999 cannot be stored. Strings are kept byte
// for byte even if they are not valid UTF-8: the store must be able to read what it wrote.
var (
	encoding = must(func() cbor.EncOptions {
		o := cbor.CoreDetEncOptions()
		o.Time = cbor.TimeRFC3339NanoUTC
		return o
	}().EncMode())
	decoding = must(cbor.DecOptions{
		UTF8:             cbor.UTF8DecodeInvalid,
		DupMapKey:        cbor.DupMapKeyEnforcedAPF,
		MaxArrayElements: 1 << 24,
		MaxMapPairs:      1 << 24,
	}.DecMode())
)

func must[M any](mode M, err error) M {
	if err != nil {
		panic(err)
	}
	return mode
}

// sealed encodes and seals a value.
func sealed(bucket string, key []byte, value any) ([]byte, error) {
	payload, err := encoding.Marshal(value)
	if err != nil {
		return nil, fmt.Errorf("encoding for bucket %s: %w", bucket, err)
	}
	return seal(bucket, key, payload), nil
}

// unsealed decodes a sealed value. Error: catalog.ErrDamaged.
func unsealed[V any](bucket string, key, value []byte) (v V, err error) {
	payload, err := unseal(bucket, key, value)
	if err != nil {
		return v, err
	}
	return decode[V](bucket, key, payload)
}

// decode decodes a payload that is unsealed. Error: catalog.ErrDamaged.
func decode[V any](bucket string, key, payload []byte) (v V, err error) {
	if err := decoding.Unmarshal(payload, &v); err != nil {
		return v, damaged(bucket, key, err.Error())
	}
	return v, nil
}

// contain turns a panic that damage to the file has caused into catalog.ErrDamaged. Such
// panics come from bbolt, which trusts its pages, and from reading mapped memory that the
// file no longer backs. Every other panic goes on.
func contain(err *error) {
	p := recover()
	if p == nil {
		return
	}
	_, fault := p.(interface{ Addr() uintptr })
	if !fault && !raisedByBolt() {
		panic(p)
	}
	*err = fmt.Errorf("%w: %v", catalog.ErrDamaged, p)
}

// raisedByBolt reports whether the function that panicked is bbolt's.
func raisedByBolt() bool {
	var pcs [64]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(3, pcs[:])])
	for {
		frame, more := frames.Next()
		if !strings.HasPrefix(frame.Function, "runtime.") {
			return strings.HasPrefix(frame.Function, "go.etcd.io/bbolt")
		}
		if !more {
			return false
		}
	}
}

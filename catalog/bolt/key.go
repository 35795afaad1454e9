package bolt

import (
	"encoding/binary"
	"strings"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/catalog"
)

// The buckets. The kinds of change use the names of theirs.
const (
	bucketMeta       = "meta"
	bucketDocuments  = "documents"
	bucketTexts      = "texts"
	bucketPassages   = "passages"
	bucketVectors    = "vectors"
	bucketContainers = "containers"
	bucketGroups     = "groups"
	bucketSources    = "sources"
	bucketChanges    = "changes"
	bucketOutbox     = "outbox"
	bucketSeen       = "seen"
	bucketTombstones = "tombstones"
	bucketRequests   = "requests"
	bucketExpiries   = "expiries"
	bucketEntries    = "entries"
)

// buckets are those of a file of the newest layout; laterBuckets came with the first, and
// bucketEntries with the second.
var (
	buckets = []string{bucketMeta, bucketDocuments, bucketTexts, bucketPassages, bucketVectors,
		bucketContainers, bucketGroups, bucketSources, bucketChanges, bucketOutbox,
		bucketSeen, bucketTombstones, bucketRequests, bucketExpiries, bucketEntries}
	laterBuckets = []string{bucketSeen, bucketTombstones, bucketRequests, bucketExpiries}
)

// kind is a byte of a change's key. Within a revision, what decides on access comes before
// the documents it decides on; entries, which decide on callers, come last.
type kind byte

const (
	containers kind = 1 + iota
	groups
	documents
	entries
)

// bucket is where the records of the kind are, "" for a byte that is no kind.
func (k kind) bucket() string {
	switch k {
	case containers:
		return bucketContainers
	case groups:
		return bucketGroups
	case documents:
		return bucketDocuments
	case entries:
		return bucketEntries
	}
	return ""
}

// appendName appends a name so that encoded names sort as the names do, byte by byte, and
// none is a prefix of another: NUL becomes 00 FF, and 00 01 ends it.
func appendName(b []byte, name string) []byte {
	for {
		i := strings.IndexByte(name, 0)
		if i < 0 {
			break
		}
		b = append(append(b, name[:i]...), 0x00, 0xFF)
		name = name[i+1:]
	}
	return append(append(b, name...), 0x00, 0x01)
}

// idKey is the key of a document or container.
func idKey(id catalog.DocumentID) []byte {
	b := make([]byte, 0, len(id.Source)+len(id.ID)+4+8) // room for a revision
	return appendName(appendName(b, id.Source), id.ID)
}

func groupKey(p acl.Principal) []byte { return appendName(nil, string(p)) }

// recordKey is the key of a record. The revision is inverted, so that newer ones come
// first and a seek finds the newest that is not newer than asked for.
func recordKey(key []byte, at catalog.Revision) []byte {
	return binary.BigEndian.AppendUint64(key[:len(key):len(key)], ^uint64(at))
}

// splitRecordKey undoes recordKey.
func splitRecordKey(k []byte) (key []byte, at catalog.Revision, ok bool) {
	if len(k) < 8 {
		return nil, 0, false
	}
	key = k[:len(k)-8]
	return key, catalog.Revision(^binary.BigEndian.Uint64(k[len(key):])), true
}

func changeKey(at catalog.Revision, k kind, key []byte) []byte {
	b := make([]byte, 0, 9+len(key))
	return append(append(binary.BigEndian.AppendUint64(b, uint64(at)), byte(k)), key...)
}

// splitChangeKey undoes changeKey.
func splitChangeKey(c []byte) (at catalog.Revision, k kind, key []byte, ok bool) {
	if len(c) < 9 || kind(c[8]).bucket() == "" {
		return 0, 0, nil, false
	}
	return catalog.Revision(binary.BigEndian.Uint64(c)), kind(c[8]), c[9:], true
}

// textKey begins with the revision, so that a commit writes its texts side by side.
func textKey(content catalog.Revision, document []byte) []byte {
	return append(uint64Key(uint64(content)), document...)
}

func rowKey(r catalog.Row) []byte { return binary.BigEndian.AppendUint32(nil, uint32(r)) }

// vectorKey is the key of a vector: of one that came with its passage, at 0, or was put
// there by the revision.
func vectorKey(r catalog.Row, at catalog.Revision) []byte {
	if at == 0 {
		return rowKey(r)
	}
	return binary.BigEndian.AppendUint64(rowKey(r), uint64(at))
}

func uint64Key(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }

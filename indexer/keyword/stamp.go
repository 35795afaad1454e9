package keyword

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"

	"github.com/RoaringBitmap/roaring/v2"

	"github.com/muniment/muniment/catalog"
)

// formatVersion names the fields of document.go. An index of another format is rebuilt.
const formatVersion = 2

// stampKey is where scorch keeps the stamp, among its internal values.
var stampKey = []byte("muniment")

// stamp says what an index holds. It is written in the same scorch batch as the passages,
// so the two cannot part. Scorch notices missing segments, lost deletions and damaged
// bytes late or never; the stamp is what its state is compared with when it is opened.
type stamp struct {
	of       catalog.ID // the catalog
	revision catalog.Revision
	rows     uint64 // how many passages are live
	digest   uint64 // over their rows, in any order
}

const stampBytes = 2 + 16 + 3*8 + 4

func (s stamp) encode() []byte {
	b := append([]byte{formatVersion, analysisVersion}, s.of[:]...)
	b = binary.BigEndian.AppendUint64(b, uint64(s.revision))
	b = binary.BigEndian.AppendUint64(b, s.rows)
	b = binary.BigEndian.AppendUint64(b, s.digest)
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b))
}

func decodeStamp(b []byte) (stamp, error) {
	switch {
	case len(b) < 2:
		return stamp{}, fmt.Errorf("%w: no stamp", ErrDamaged)
	case b[0] != formatVersion || b[1] != analysisVersion:
		return stamp{}, fmt.Errorf("of format %d.%d, this is %d.%d", b[0], b[1], formatVersion, analysisVersion)
	case len(b) != stampBytes || crc32.ChecksumIEEE(b[:stampBytes-4]) != binary.BigEndian.Uint32(b[stampBytes-4:]):
		return stamp{}, fmt.Errorf("%w: checksum of the stamp", ErrDamaged)
	}
	return stamp{
		of:       catalog.ID(b[2:18]),
		revision: catalog.Revision(binary.BigEndian.Uint64(b[18:])),
		rows:     binary.BigEndian.Uint64(b[26:]),
		digest:   binary.BigEndian.Uint64(b[34:]),
	}, nil
}

// stampOf is the stamp of an index of the catalog that holds the rows.
func stampOf(of catalog.ID, revision catalog.Revision, rows *roaring.Bitmap) stamp {
	s := stamp{of: of, revision: revision, rows: rows.GetCardinality()}
	rows.Iterate(func(row uint32) bool {
		s.digest += mix(row)
		return true
	})
	return s
}

// added and removed keep a stamp level with a change of one row.
func (s *stamp) added(row uint32)   { s.rows++; s.digest += mix(row) }
func (s *stamp) removed(row uint32) { s.rows--; s.digest -= mix(row) }

// mix spreads a row over 64 bits, so that sums over different sets of rows differ. It is
// the finaliser of SplitMix64.
func mix(row uint32) uint64 {
	z := (uint64(row) + 1) * 0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

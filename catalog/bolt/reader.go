package bolt

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"

	"go.etcd.io/bbolt"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/catalog"
)

// reader reads records at one revision within one transaction. Containers and documents
// are decoded once each.
type reader struct {
	tx         *bbolt.Tx
	table      *table
	at         catalog.Revision
	cursors    map[string]*bbolt.Cursor
	containers map[catalog.DocumentID]*catalog.Container // nil: unknown
	documents  map[catalog.DocumentID]*catalog.Document  // nil: not admitted
}

func newReader(tx *bbolt.Tx, t *table, at catalog.Revision) *reader {
	return &reader{
		tx: tx, table: t, at: at,
		cursors:    map[string]*bbolt.Cursor{},
		containers: map[catalog.DocumentID]*catalog.Container{},
		documents:  map[catalog.DocumentID]*catalog.Document{},
	}
}

// exact returns the value under exactly this key, nil if there is none. The cursor is
// kept, which spares looking the bucket up.
func (r *reader) exact(bucket string, key []byte) []byte {
	c := r.cursors[bucket]
	if c == nil {
		c = r.tx.Bucket([]byte(bucket)).Cursor()
		r.cursors[bucket] = c
	}
	k, v := c.Seek(key)
	if !bytes.Equal(k, key) {
		return nil
	}
	return v
}

// errMoved says that the transaction is older than the table: a commit has come between.
// The read is done again.
var errMoved = errors.New("a commit came between")

// history is the payload of a record: 8 bytes with the revision of the record before it of
// the same key, 0 if there is none, and the record itself.
func history(bucket string, key, value []byte) (before catalog.Revision, record []byte, err error) {
	payload, err := unseal(bucket, key, value)
	if err != nil {
		return 0, nil, err
	}
	if len(payload) < 8 {
		return 0, nil, damaged(bucket, key, "it is cut short")
	}
	return catalog.Revision(binary.BigEndian.Uint64(payload)), payload[8:], nil
}

// newest returns the newest record of the key at the reader's revision and the revision
// that wrote it, 0 if there is none.
func (r *reader) newest(k kind, key []byte) (at catalog.Revision, record []byte, err error) {
	first := r.table.at(k, key)
	for at = first; at > 0; {
		full := recordKey(key, at)
		v := r.exact(k.bucket(), full)
		if v == nil {
			if err := r.moved(k, key, first, at); err != nil {
				return 0, nil, err
			}
		}
		before, record, err := history(k.bucket(), full, v)
		if err != nil {
			return 0, nil, err
		}
		if at <= r.at {
			return at, record, nil
		}
		if before >= at {
			return 0, nil, damaged(k.bucket(), full, "the record before it is a later one")
		}
		at = before
	}
	return 0, nil, nil
}

// moved returns errMoved if a record that the table names as the first of its key's, or one
// before it, is missing because the transaction and the table are not of one commit: the
// transaction is from before the commit that wrote the record, or from after one that
// dropped it.
func (r *reader) moved(k kind, key []byte, first, missing catalog.Revision) error {
	st, err := readState(r.tx)
	if err != nil {
		return err
	}
	if newest, drops := r.table.upTo(k, key); missing > st.Head || newest != first || drops < st.Drops {
		return errMoved
	}
	return nil
}

// record decodes the newest record of the key; nil if there is none.
func record[R any](r *reader, k kind, key []byte) (*R, error) {
	at, payload, err := r.newest(k, key)
	if at == 0 || err != nil {
		return nil, err
	}
	v, err := decode[R](k.bucket(), recordKey(key, at), payload)
	if err != nil {
		return nil, err
	}
	return &v, nil
}

// document returns a document's record, whoever may read it; nil if there is none.
func (r *reader) document(id catalog.DocumentID) (*catalog.Document, error) {
	return record[catalog.Document](r, documents, idKey(id))
}

// container returns a container's record; nil if there is none.
func (r *reader) container(id catalog.DocumentID) (*catalog.Container, error) {
	if c, seen := r.containers[id]; seen {
		return c, nil
	}
	c, err := record[catalog.Container](r, containers, idKey(id))
	if err != nil {
		return nil, err
	}
	r.containers[id] = c
	return c, nil
}

// admitted returns the document if it is present and the view admits it, else nil. Every
// read of a snapshot goes through it.
func (r *reader) admitted(view acl.View, id catalog.DocumentID) (*catalog.Document, error) {
	if d, seen := r.documents[id]; seen {
		return d, nil
	}
	d, err := r.document(id)
	if err != nil {
		return nil, err
	}
	if d != nil {
		var failed error
		access := d.Governed(r.lookup(id.Source, &failed))
		if failed != nil {
			return nil, failed
		}
		if d.State != catalog.Present || !view.Admits(access) {
			d = nil
		}
	}
	r.documents[id] = d
	return d, nil
}

// lookup returns the containers of a source by their ids, and puts an error where it is told.
func (r *reader) lookup(source string, failed *error) func(id string) (catalog.Container, bool) {
	return func(id string) (catalog.Container, bool) {
		c, err := r.container(catalog.DocumentID{Source: source, ID: id})
		if err != nil {
			*failed = err
		}
		if c == nil {
			return catalog.Container{}, false
		}
		return *c, true
	}
}

// standing returns how a document stands. Error: catalog.ErrNotFound.
func (r *reader) standing(id catalog.DocumentID) (s catalog.Standing, err error) {
	d, err := r.document(id)
	if err != nil {
		return s, err
	}
	if d == nil || d.State == catalog.AccessOnly && d.Access.Version == 0 {
		return s, catalog.ErrNotFound
	}
	var failed error
	s = d.Stands(r.lookup(id.Source, &failed))
	return s, failed
}

// passage is the stored form of a catalog.Passage.
type passage struct {
	_          struct{} `cbor:",toarray"`
	Home       uint64   // see home
	Ordinal    int
	Dimensions int // of its vector, 0 if it has none
	Passage    catalog.Passage
}

// home ties a passage to one version of one document, so that a record that names the
// wrong rows is noticed.
func home(id catalog.DocumentID, version int64) uint64 {
	return hashKey(bucketDocuments, binary.BigEndian.AppendUint64(idKey(id), uint64(version)))
}

// passage returns a passage of the document, with its vector if asked for. The ordinal
// must be one of the document's.
func (r *reader) passage(d *catalog.Document, ordinal int, vector bool) (catalog.Passage, error) {
	row := d.Rows.First + catalog.Row(ordinal)
	key := rowKey(row)
	stored, err := unsealed[passage](bucketPassages, key, r.exact(bucketPassages, key))
	if err != nil {
		return catalog.Passage{}, err
	}
	if stored.Ordinal != ordinal || stored.Home != home(d.DocumentID, d.Version) {
		return catalog.Passage{}, damaged(bucketPassages, key, "it is not the passage of the document that names it")
	}
	p := stored.Passage
	p.ID = catalog.PassageID{Document: d.DocumentID, Version: d.Version, Ordinal: ordinal}
	p.Row = row
	switch {
	case !vector:
	case d.VectorsAt > 0:
		if p.Vector, err = r.later(row, d.VectorsAt); err != nil {
			return catalog.Passage{}, err
		}
	case stored.Dimensions > 0:
		payload, err := unseal(bucketVectors, key, r.exact(bucketVectors, key))
		if err != nil {
			return catalog.Passage{}, err
		}
		if len(payload) != 4*stored.Dimensions {
			return catalog.Passage{}, damaged(bucketVectors, key, "it has another length than its passage says")
		}
		p.Vector = floats(payload)
	}
	return p, nil
}

// later returns the vector that a passage was given after its content; nil if none.
func (r *reader) later(row catalog.Row, at catalog.Revision) ([]float32, error) {
	key := vectorKey(row, at)
	payload, err := unseal(bucketVectors, key, r.exact(bucketVectors, key))
	switch {
	case err != nil:
		return nil, err
	case len(payload)%4 != 0:
		return nil, damaged(bucketVectors, key, "it is no vector")
	case len(payload) == 0:
		return nil, nil
	}
	return floats(payload), nil
}

func floats(payload []byte) []float32 {
	v := make([]float32, len(payload)/4)
	for i := range v {
		v[i] = math.Float32frombits(binary.LittleEndian.Uint32(payload[4*i:]))
	}
	return v
}

// text returns the original text of a document that is present.
func (r *reader) text(d *catalog.Document) (string, error) {
	key := textKey(d.ContentAt, idKey(d.DocumentID))
	payload, err := unseal(bucketTexts, key, r.exact(bucketTexts, key))
	return string(payload), err
}

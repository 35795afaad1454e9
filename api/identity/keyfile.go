package identity

import (
	"crypto/rand"
	"encoding/base32"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

const (
	keySuffix   = ".key"
	secretBytes = 32       // of every secret
	maxKeyFile  = 16 << 10 // bytes
)

// ringID is 80 random bits in lower-case base32.
var ringID = regexp.MustCompile(`^[a-z2-7]{16}$`)

// keyFile is one version of the ring, as it stands in the file "<version>.key". A version
// that rotates only some kinds of keys leaves the others out.
type keyFile struct {
	Ring    string `json:"ring"`
	Version uint32 `json:"version"`
	Token   []byte `json:"token,omitempty"` // Ed25519 seed
	Seal    []byte `json:"seal,omitempty"`
	Hash    []byte `json:"hash,omitempty"`
	Log     []byte `json:"log,omitempty"` // Ed25519 seed
}

// readFiles reads every key file in dir: at least one, or an error.
func readFiles(dir string) ([]keyFile, error) {
	info, err := os.Stat(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, noRing(dir)
	}
	if err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var files []keyFile
	for _, e := range entries {
		if filepath.Ext(e.Name()) != keySuffix {
			continue
		}
		f, err := readFile(filepath.Join(dir, e.Name()))
		if err != nil {
			return nil, err
		}
		if e.Name() != f.name() {
			return nil, fmt.Errorf("%s holds version %d, which belongs into %s", filepath.Join(dir, e.Name()), f.Version, f.name())
		}
		files = append(files, f)
	}
	if len(files) == 0 {
		return nil, noRing(dir)
	}
	if mode := info.Mode().Perm(); mode&0o022 != 0 {
		return nil, fmt.Errorf("other users may replace the keys in %s (mode %#o); run: chmod 700 %[1]s", dir, mode)
	}
	return files, nil
}

func noRing(dir string) error {
	return fmt.Errorf("%w in %s; `muniment serve` makes it at its first start", ErrNoKeyRing, dir)
}

func (f keyFile) name() string { return strconv.FormatUint(uint64(f.Version), 10) + keySuffix }

// readFile reads one key file. Its errors never quote the content.
func readFile(path string) (keyFile, error) {
	file, err := os.Open(path)
	if err != nil {
		return keyFile{}, err
	}
	defer file.Close()
	info, err := file.Stat() // of the open file: the name may point elsewhere by now
	if err != nil {
		return keyFile{}, err
	}
	if mode := info.Mode(); !mode.IsRegular() {
		return keyFile{}, fmt.Errorf("%s is not a file", path)
	} else if mode.Perm()&0o077 != 0 {
		return keyFile{}, fmt.Errorf("other users may read the keys in %s (mode %#o); run: chmod 600 %[1]s", path, mode.Perm())
	}
	data, err := io.ReadAll(io.LimitReader(file, maxKeyFile+1))
	if err != nil {
		return keyFile{}, err
	}
	f, ok := parse(data)
	if !ok {
		return keyFile{}, fmt.Errorf("%s is not a key file of this version of muniment, or it is damaged", path)
	}
	return f, nil
}

func parse(data []byte) (f keyFile, ok bool) {
	if len(data) > maxKeyFile {
		return keyFile{}, false
	}
	found, err := members(data, []string{"ring", "version"}, []string{"token", "seal", "hash", "log"})
	if err != nil || len(found) == 2 || json.Unmarshal(data, &f) != nil || !ringID.MatchString(f.Ring) || f.Version == 0 {
		return keyFile{}, false
	}
	for _, secret := range [][]byte{f.Token, f.Seal, f.Hash, f.Log} {
		if secret != nil && len(secret) != secretBytes {
			return keyFile{}, false
		}
	}
	return f, true
}

// create makes the first version of a ring in dir, unless another process is faster.
func create(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	if err := os.Chmod(dir, 0o700); err != nil { // it may have been there before
		return err
	}
	_, f, err := newFile()
	if err == nil {
		err = f.place(dir)
	}
	if errors.Is(err, fs.ErrExist) {
		err = nil
	}
	// Whoever lost syncs too: it will use the ring, so the ring must stay.
	return errors.Join(err, syncDir(dir), syncDir(filepath.Dir(dir)))
}

// RotateLogKey adds a version to the ring in dir that holds a new key for signing the audit
// log, and returns its number. A server takes it up when it is started again. Two at once make
// one version, and one of them fails with fs.ErrExist.
func RotateLogKey(dir string) (version uint32, err error) {
	files, err := readFiles(dir)
	if err != nil {
		return 0, fmt.Errorf("rotating the log's key: %w", err)
	}
	f := keyFile{Ring: files[0].Ring, Log: newSecret()}
	for _, known := range files {
		f.Version = max(f.Version, known.Version)
	}
	if f.Version++; f.Version == 0 {
		return 0, errors.New("rotating the log's key: the ring has had all versions that there are")
	}
	if err := errors.Join(f.place(dir), syncDir(dir)); err != nil {
		return 0, fmt.Errorf("rotating the log's key: %w", err)
	}
	return f.Version, nil
}

// place writes the file under its name, which must be free, or the error is fs.ErrExist.
//
// The file is complete and synced under a temporary name before it gets its own with link,
// which is atomic and fails if the name is taken: whoever reads, reads all of it or none, and
// of several makers one wins and the others throw theirs away.
func (f keyFile) place(dir string) error {
	data, err := f.encode()
	if err != nil {
		return err
	}
	temporary, err := os.CreateTemp(dir, ".new-*") // with mode 0600
	if err != nil {
		return err
	}
	// failpoint: keys/begun
	defer os.Remove(temporary.Name())
	_, err = temporary.Write(data)
	if err = errors.Join(err, temporary.Sync(), temporary.Close()); err != nil {
		return err
	}
	// failpoint: keys/written
	if err := os.Link(temporary.Name(), filepath.Join(dir, f.name())); err != nil {
		return err
	}
	// failpoint: keys/linked
	return nil
}

func newFile() ([]byte, keyFile, error) {
	id := make([]byte, 10)
	rand.Read(id) // never fails
	f := keyFile{
		Ring: strings.ToLower(base32.StdEncoding.EncodeToString(id)), Version: 1,
		Token: newSecret(), Seal: newSecret(), Hash: newSecret(), Log: newSecret(),
	}
	data, err := f.encode()
	return data, f, err
}

func (f keyFile) encode() ([]byte, error) {
	data, err := json.MarshalIndent(f, "", "  ")
	return append(data, '\n'), err
}

func newSecret() []byte {
	s := make([]byte, secretBytes)
	rand.Read(s) // never fails
	return s
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

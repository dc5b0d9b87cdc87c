package crashtest

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"os"
	"path/filepath"
	"strings"

	"github.com/pmem/pmdk-go/libpmem/crashtest/internal/trace"
)

// Endings of the names of a kept image.
const (
	poolEnding = ".pool"
	infoEnding = ".json"
)

// keptImage is what is written beside an image that is kept.
type keptImage struct {
	Test    string
	Run     int // which Run call of the test, from 1
	Store   string
	Point   int    // how many events the recording has before the crash
	Choice  string // what reached the medium
	Acked   Acked
	Phase   string
	Message string

	// Image is the path of the image, for a worker.
	Image string `json:",omitempty"`
}

// keptName is the name, without an ending, of the image that a choice gives in
// a test.
func keptName(test string, run int, c trace.Choice, fingerprint uint64) string {
	safe := strings.Map(func(r rune) rune {
		switch {
		case r >= '0' && r <= '9', r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r == '-', r == '_':
			return r
		}
		return '_'
	}, test)
	// Names that differ in other letters only stay apart, and short.
	h := fnv.New64a()
	_, _ = h.Write([]byte(test))
	_, _ = h.Write(binary.LittleEndian.AppendUint64(nil, fingerprint))
	return fmt.Sprintf("%.60s-%d-%d-%08x", safe, run, c.Point, uint32(h.Sum64()^h.Sum64()>>32))
}

// write writes the image and its description to the folder dir, and returns the
// path of the description.
func (k *keptImage) write(dir, name string, image []byte) (string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return "", err
	}
	base := filepath.Join(dir, name)
	if err := os.WriteFile(base+poolEnding, image, 0o600); err != nil {
		return "", err
	}
	text, err := json.MarshalIndent(k, "", "\t")
	if err != nil {
		return "", err
	}
	return base + infoEnding, os.WriteFile(base+infoEnding, append(text, '\n'), 0o600)
}

// readKept reads the description of a kept image. The path may be that of the
// image itself, too.
func readKept(path string) (*keptImage, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	base := strings.TrimSuffix(strings.TrimSuffix(path, poolEnding), infoEnding)
	text, err := os.ReadFile(base + infoEnding)
	if err != nil {
		return nil, err
	}
	k := new(keptImage)
	if err := json.Unmarshal(text, k); err != nil {
		return nil, fmt.Errorf("%s: %w", base+infoEnding, err)
	}
	k.Image = base + poolEnding
	if _, err := os.Stat(k.Image); err != nil {
		return nil, err
	}
	return k, nil
}

// examineKept checks the image that the JSON of its description tells of.
func (s *subject) examineKept(text []byte) (finding, error) {
	var k keptImage
	if err := json.Unmarshal(text, &k); err != nil {
		return finding{}, err
	}
	return s.examine(k.Image, k.Acked), nil
}

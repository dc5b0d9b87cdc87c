package source

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
)

// File is a Go source file as the folder shows it. Size and ModTime together
// say whether it has changed since, the way make and git decide it too.
type File struct {
	Path    string // absolute, symbolic links resolved
	Size    int64  // bytes
	ModTime int64  // nanoseconds since 1970
}

// Root is dir as an absolute path free of symbolic links, which is how every
// file below it is named. WalkDir would not enter dir itself if it were a link,
// as GOROOT is on some distributions.
func Root(dir string) (string, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	return filepath.EvalSymlinks(abs)
}

// Walk lists the regular .go files below root, a result of Root, in the order
// of their paths. Folders whose names begin with a dot are left out. A folder
// that cannot be read is an error: taken for empty, it would make its files
// look deleted.
func Walk(root string) ([]File, error) {
	var files []File
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && path != root && strings.HasPrefix(entry.Name(), ".") {
			return fs.SkipDir
		}
		if !entry.Type().IsRegular() || filepath.Ext(path) != ".go" {
			return nil
		}
		info, err := entry.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil // deleted while we were looking
		}
		if err != nil {
			return err
		}
		files = append(files, File{Path: path, Size: info.Size(), ModTime: info.ModTime().UnixNano()})
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list Go files: %w", err)
	}
	return files, nil
}

// TotalSize is the sum of the files' sizes, in bytes.
func TotalSize(files []File) int64 {
	var sum int64
	for _, f := range files {
		sum += f.Size
	}
	return sum
}

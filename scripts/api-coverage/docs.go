package main

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// implemented finds the C functions that the documentation of a package claims
// to implement, with the place of each claim. A package that does not exist
// implements nothing.
func implemented(dir string) (map[string]string, error) {
	names := map[string]string{}
	files, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return names, nil
	}
	if err != nil {
		return nil, err
	}
	set := token.NewFileSet()
	for _, f := range files {
		if filepath.Ext(f.Name()) != ".go" || strings.HasSuffix(f.Name(), "_test.go") {
			continue
		}
		file, err := parser.ParseFile(set, filepath.Join(dir, f.Name()), nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		for _, doc := range exportedDocs(file) {
			for _, name := range claims(doc.Text()) {
				names[name] = set.Position(doc.Pos()).String()
			}
		}
	}
	return names, nil
}

// exportedDocs are the comments that users read: those of exported names.
func exportedDocs(file *ast.File) []*ast.CommentGroup {
	var docs []*ast.CommentGroup
	add := func(doc *ast.CommentGroup, names ...*ast.Ident) {
		for _, n := range names {
			if n.IsExported() && doc != nil {
				docs = append(docs, doc)
				return
			}
		}
	}
	for _, d := range file.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			add(d.Doc, d.Name)
		case *ast.GenDecl:
			for _, s := range d.Specs {
				switch s := s.(type) {
				case *ast.TypeSpec:
					add(d.Doc, s.Name)
					add(s.Doc, s.Name)
				case *ast.ValueSpec:
					add(d.Doc, s.Names...)
					add(s.Doc, s.Names...)
				}
			}
		}
	}
	return docs
}

var page = regexp.MustCompile(`\b(\w+)\(3\)`)

// claims are the names in a comment's last paragraph, if that begins with
// "Implements:".
func claims(doc string) []string {
	_, list, found := strings.Cut("\n"+doc, "\nImplements: ")
	if !found {
		return nil
	}
	var names []string
	for _, m := range page.FindAllStringSubmatch(list, -1) {
		names = append(names, m[1])
	}
	return names
}

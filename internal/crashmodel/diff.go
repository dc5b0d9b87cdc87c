package crashmodel

import (
	"fmt"
	"reflect"
)

// Diff names the first place where two models differ, and is "" if they are
// equal. Empty and nil slices are.
func Diff(want, got any) string {
	return diff("model", reflect.ValueOf(want), reflect.ValueOf(got))
}

func diff(path string, want, got reflect.Value) string {
	if want.IsValid() && got.IsValid() && want.Type() == got.Type() {
		switch want.Kind() {
		case reflect.Struct:
			for i := range want.NumField() {
				if s := diff(path+"."+want.Type().Field(i).Name, want.Field(i), got.Field(i)); s != "" {
					return s
				}
			}
			return ""
		case reflect.Slice, reflect.Array:
			for i := range min(want.Len(), got.Len()) {
				if s := diff(fmt.Sprintf("%s[%d]", path, i), want.Index(i), got.Index(i)); s != "" {
					return s
				}
			}
			if want.Len() != got.Len() {
				return fmt.Sprintf("%s has %d elements, should have %d", path, got.Len(), want.Len())
			}
			return ""
		case reflect.Map:
			for _, k := range want.MapKeys() {
				if s := diff(fmt.Sprintf("%s[%v]", path, k), want.MapIndex(k), got.MapIndex(k)); s != "" {
					return s
				}
			}
			if want.Len() != got.Len() {
				return fmt.Sprintf("%s has %d keys, should have %d", path, got.Len(), want.Len())
			}
			return ""
		case reflect.String:
			if want.String() == got.String() {
				return ""
			}
			return fmt.Sprintf("%s is %s, should be %s", path, short(got), short(want))
		}
	}
	if want.IsValid() && got.IsValid() && want.Comparable() && got.Comparable() && want.Equal(got) {
		return ""
	}
	w, g := show(want), show(got)
	return fmt.Sprintf("%s is %s, should be %s", path, g, w)
}

func show(v reflect.Value) string {
	if !v.IsValid() {
		return "missing"
	}
	return fmt.Sprintf("%v", v)
}

// short shows a string that may be long.
func short(v reflect.Value) string {
	s := v.String()
	if len(s) > 40 {
		return fmt.Sprintf("%q… (%d bytes)", s[:40], len(s))
	}
	return fmt.Sprintf("%q", s)
}

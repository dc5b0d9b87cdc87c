package radix

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
)

// ErrKey is the error of decoding what was not encoded that way.
var ErrKey = errors.New("not such a key")

// AppendUint64 appends v in 8 bytes whose order is that of the numbers. Keys of
// several parts are made by appending one part after the other: they are
// ordered by the first part, then by the second, and so on. Parts of fixed size
// and those of [AppendString] can be followed by others.
func AppendUint64(key []byte, v uint64) []byte { return binary.BigEndian.AppendUint64(key, v) }

// Uint64 takes what [AppendUint64] appended from the beginning of key.
func Uint64(key []byte) (v uint64, rest []byte, err error) {
	if len(key) < 8 {
		return 0, key, ErrKey
	}
	return binary.BigEndian.Uint64(key), key[8:], nil
}

// AppendUint32 is AppendUint64 in 4 bytes.
func AppendUint32(key []byte, v uint32) []byte { return binary.BigEndian.AppendUint32(key, v) }

// Uint32 takes what [AppendUint32] appended from the beginning of key.
func Uint32(key []byte) (v uint32, rest []byte, err error) {
	if len(key) < 4 {
		return 0, key, ErrKey
	}
	return binary.BigEndian.Uint32(key), key[4:], nil
}

const (
	sign32 = 1 << 31
	sign64 = 1 << 63
)

// AppendInt64 is AppendUint64 for numbers with a sign.
func AppendInt64(key []byte, v int64) []byte { return AppendUint64(key, uint64(v)^sign64) }

// Int64 takes what [AppendInt64] appended from the beginning of key.
func Int64(key []byte) (v int64, rest []byte, err error) {
	u, rest, err := Uint64(key)
	if err != nil {
		return 0, key, err
	}
	return int64(u ^ sign64), rest, nil
}

// AppendInt32 is AppendInt64 in 4 bytes.
func AppendInt32(key []byte, v int32) []byte { return AppendUint32(key, uint32(v)^sign32) }

// Int32 takes what [AppendInt32] appended from the beginning of key.
func Int32(key []byte) (v int32, rest []byte, err error) {
	u, rest, err := Uint32(key)
	if err != nil {
		return 0, key, err
	}
	return int32(u ^ sign32), rest, nil
}

// AppendFloat64 is AppendUint64 for floating-point numbers: from -Inf over -0
// and +0 to +Inf. NaNs are below or above all of them, by their sign.
func AppendFloat64(key []byte, v float64) []byte {
	u := math.Float64bits(v)
	if u&sign64 != 0 {
		return AppendUint64(key, ^u)
	}
	return AppendUint64(key, u|sign64)
}

// Float64 takes what [AppendFloat64] appended from the beginning of key.
func Float64(key []byte) (v float64, rest []byte, err error) {
	u, rest, err := Uint64(key)
	if err != nil {
		return 0, key, err
	}
	if u&sign64 != 0 {
		return math.Float64frombits(u &^ sign64), rest, nil
	}
	return math.Float64frombits(^u), rest, nil
}

// AppendBool appends one byte; false is below true.
func AppendBool(key []byte, v bool) []byte {
	if v {
		return append(key, 1)
	}
	return append(key, 0)
}

// Bool takes what [AppendBool] appended from the beginning of key.
func Bool(key []byte) (v bool, rest []byte, err error) {
	if len(key) == 0 || key[0] > 1 {
		return false, key, ErrKey
	}
	return key[0] == 1, key[1:], nil
}

// How strings end that other parts follow: each 0 in them is followed by 0xff.
const (
	escape  = 0
	escaped = 0xff
	ending  = 1
)

// AppendString appends a string of any bytes so that other parts can follow:
// strings are ordered as usual, a prefix of another before it. It takes two
// bytes more than s has, and one for each zero in it. The last part of a key
// can just as well be appended as it is, in as many bytes as it has.
func AppendString[S ~string | ~[]byte](key []byte, s S) []byte {
	for i := range len(s) {
		key = append(key, s[i])
		if s[i] == escape {
			key = append(key, escaped)
		}
	}
	return append(key, escape, ending)
}

// String takes what [AppendString] appended from the beginning of key.
func String(key []byte) (s string, rest []byte, err error) {
	var b []byte
	for at := key; ; {
		i := bytes.IndexByte(at, escape)
		if i < 0 || i+1 == len(at) {
			return "", key, ErrKey
		}
		b = append(b, at[:i]...)
		switch at[i+1] {
		case ending:
			return string(b), at[i+2:], nil
		case escaped:
			b = append(b, escape)
			at = at[i+2:]
		default:
			return "", key, ErrKey
		}
	}
}

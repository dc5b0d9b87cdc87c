package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"time"
)

// event is a record of the log.
type event struct {
	Writer int
	Number int // of the writer's events, from 1 on
	At     time.Time
	Text   string
}

func (e event) String() string {
	return fmt.Sprintf("%s writer %d, event %d: %s", e.At.Format(time.TimeOnly), e.Writer, e.Number, e.Text)
}

func (e event) encode() ([]byte, error) { return json.Marshal(e) }

func decode(data []byte) (e event, err error) {
	err = json.Unmarshal(data, &e)
	return e, err
}

// counts are how many events of each writer there are.
type counts map[int]int

// add counts an event, which must be its writer's next.
func (c counts) add(e event) error {
	if e.Number != c[e.Writer]+1 {
		return fmt.Errorf("event %d of writer %d comes after event %d", e.Number, e.Writer, c[e.Writer])
	}
	c[e.Writer]++
	return nil
}

func (c counts) clone() counts { return maps.Clone(c) }

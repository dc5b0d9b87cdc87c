package crashtest

import (
	"encoding/json"
	"os"
	"time"

	"github.com/pmem/pmdk-go/libpmem/crashtest/internal/worker"
)

// replay is Run with -crashtest.replay.
func (s *subject) replay(run int, path string) *Report {
	s.t.Helper()
	r := &Report{Seed: s.config.Seed}
	k, err := readKept(path)
	if err != nil {
		s.t.Fatalf("crashtest: -crashtest.replay: %v", err)
	}
	if k.Test != s.t.Name() || k.Run != run {
		s.t.Logf("crashtest: nothing is checked here: %s is of call %d of Run in %s, and this is call %d in %s",
			path, k.Run, k.Test, run, s.t.Name())
		return r
	}
	began := time.Now()
	f, err := s.examineAlone(run, k)
	if err != nil {
		s.t.Fatalf("crashtest: -crashtest.replay: %v", err)
	}
	r.Images, r.Checking = 1, time.Since(began)
	if f.Phase == "" {
		s.t.Logf("crashtest: %s passes; %s had been acknowledged. When it was kept: %s: %s", path, k.Acked, k.Phase, k.Message)
		return r
	}
	r.Failing = 1
	r.Failures = []Failure{{
		Phase: f.Phase, Message: f.Message, Point: k.Point, Acked: k.Acked, Seen: 1, Choice: k.Choice, Text: f.Message, Kept: path,
	}}
	s.t.Errorf("crashtest: %s fails (%s), where %s had been acknowledged:\n%s", path, f.Phase, k.Acked, indent(f.Message))
	return r
}

// examineAlone checks a kept image. What a process for it prints is shown.
func (s *subject) examineAlone(run int, k *keptImage) (finding, error) {
	request, err := json.Marshal(k)
	if err != nil {
		return finding{}, err
	}
	if !worker.Possible(s.t.Name()) {
		return s.examineKept(request)
	}
	dir, err := newScratch(s.config.Dir, s.room())
	if err != nil {
		return finding{}, err
	}
	defer dir.remove()
	s.config.Workers = 1
	remote, err := newRemote(s, run, dir, nil, os.Stdout)
	if err != nil {
		return finding{}, err
	}
	defer remote.close()
	return remote.ask(0, append([]byte{requestKept}, request...))
}

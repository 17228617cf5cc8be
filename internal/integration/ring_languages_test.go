package integration

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// eachLanguage runs a test with the implementation in each language beside ours. check
// runs it on a file of vectors, and returns what it prints where it exits with 0.
func eachLanguage(t *testing.T, test func(t *testing.T, check func(path string) (string, error))) {
	for _, of := range []struct{ name, program, file string }{
		{"Python", "python3", "ring.py"},
		{"Node", "node", "ring.mjs"},
	} {
		t.Run(of.name, func(t *testing.T) {
			path, _ := exec.LookPath(of.program)
			program := need(t, path, of.program+" is not installed")
			test(t, func(path string) (string, error) { return interpret(bounded(t), program, of.file, path) })
		})
	}
}

func interpret(ctx context.Context, program, file, path string) (string, error) {
	var problems strings.Builder
	cmd := exec.CommandContext(ctx, program, filepath.Join("..", "..", "docs", "ring", file), path)
	cmd.Stderr = &problems
	out, err := cmd.Output()
	if err != nil {
		err = fmt.Errorf("%w\n%s", err, &problems)
	}
	return strings.TrimSpace(string(out)), err
}

func wantsAllHeld(t *testing.T, check func(path string) (string, error), path string, vectors int) {
	t.Helper()
	out, err := check(path)
	if want := fmt.Sprintf("%d vectors hold", vectors); err != nil || out != want {
		t.Errorf("printed %q, want %q; error %v", out, want, err)
	}
}

func TestLanguagesHoldTheVectors(t *testing.T) {
	vectors := readVectors(t).Vectors
	eachLanguage(t, func(t *testing.T, check func(string) (string, error)) {
		wantsAllHeld(t, check, vectorsPath, len(vectors))
	})
}

// TestLanguagesReadWhatWasWritten holds the other languages to documents that nobody
// chose: those that rotations, revocations, rollbacks and other programs leave one
// after another, and documents put together at random.
func TestLanguagesReadWhatWasWritten(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	var vectors []ringVector
	for n := range atDepth(4, 60) {
		vectors = append(vectors, walkVectors(t, rand.New(rand.NewPCG(seed, uint64(n))), n)...)
	}
	walked := len(vectors)
	random := rand.New(rand.NewPCG(seed, 1<<32))
	for n := range atDepth(400, 10_000) {
		vectors = append(vectors, strayVector(t, random, n))
	}
	t.Logf("%d vectors of documents that the library wrote, %d of stray ones", walked, len(vectors)-walked)
	wantsVariety(t, vectors[:walked], "an older key signs", "the newest key signs", "more than two keys")
	wantsVariety(t, vectors, "malformed", "wrong_tenant", "suspended", "no_key", "none signs")

	path := filepath.Join(t.TempDir(), "vectors.json")
	writeVectors(t, path, vectors)
	eachLanguage(t, func(t *testing.T, check func(string) (string, error)) {
		wantsAllHeld(t, check, path, len(vectors))
	})
}

// atDepth is how much a test does: little, or all where the environment asks for it.
func atDepth(small, full int) int {
	if os.Getenv("TENANTSECRETS_DEPTH") == "full" {
		return full
	}
	return small
}

// wantsVariety fails the test where chance has made nothing of a kind that matters.
func wantsVariety(t *testing.T, vectors []ringVector, wanted ...string) {
	t.Helper()
	seen := map[string]bool{}
	for _, v := range vectors {
		switch {
		case v.Failure != nil:
			seen[*v.Failure] = true
		case v.Signing == nil:
			seen["none signs"] = true
		case *v.Signing != v.Live[0].KID:
			seen["an older key signs"] = true
		default:
			seen["the newest key signs"] = true
		}
		if len(v.Live) > 2 {
			seen["more than two keys"] = true
		}
	}
	for _, what := range wanted {
		if !seen[what] {
			t.Errorf("of %d vectors none shows %q", len(vectors), what)
		}
	}
}

// TestLanguagesNoticeADifference alters vectors that hold: an implementation that
// passes them whatever they say holds nothing.
func TestLanguagesNoticeADifference(t *testing.T) {
	rotated, suspended := vectorNamed(t, "rotation: at the end of the handover the new key signs"), vectorNamed(t, "suspended")
	other := "another"
	altered := map[string]func(v *ringVector){
		"another tag":   func(v *ringVector) { v.Live[1].HMAC = v.Live[0].HMAC },
		"another kid":   func(v *ringVector) { v.Live[1].KID = other },
		"another order": func(v *ringVector) { slices.Reverse(v.Live) },
		"a key less":    func(v *ringVector) { v.Live = v.Live[:1] },
		"a key more":    func(v *ringVector) { v.Live = append(v.Live, v.Live[0]) },
		"older signer":  func(v *ringVector) { v.Signing = &v.Live[1].KID },
		"no signer":     func(v *ringVector) { v.Signing = nil },
		"a failure":     func(v *ringVector) { v.Failure = suspended.Failure },
		"no failure":    func(v *ringVector) { *v = suspended; v.Failure = nil },
		"other failure": func(v *ringVector) { *v = suspended; v.Failure = &other },
	}
	vectors := []ringVector{rotated, suspended}
	for name, alter := range altered {
		v := rotated
		v.Live = slices.Clone(v.Live)
		alter(&v)
		v.Name = name
		vectors = append(vectors, v)
	}
	path, empty := filepath.Join(t.TempDir(), "vectors.json"), filepath.Join(t.TempDir(), "empty.json")
	writeVectors(t, path, vectors)
	writeVectors(t, empty, []ringVector{})
	eachLanguage(t, func(t *testing.T, check func(string) (string, error)) {
		if out, err := check(empty); err == nil || out != "" {
			t.Errorf("no vectors: printed %q, error %v", out, err)
		}
		out, err := check(path)
		if err == nil || out != "" {
			t.Fatalf("printed %q, error %v", out, err)
		}
		for name := range altered {
			if !strings.Contains(err.Error(), "\n"+name+": ") {
				t.Errorf("%s was not noticed", name)
			}
		}
		for _, held := range []string{rotated.Name, suspended.Name} {
			if strings.Contains(err.Error(), "\n"+held+": ") {
				t.Errorf("%q does not hold", held)
			}
		}
	})
}

func vectorNamed(t *testing.T, name string) ringVector {
	t.Helper()
	for _, v := range readVectors(t).Vectors {
		if v.Name == name {
			return v
		}
	}
	t.Fatalf("no vector %q", name)
	return ringVector{}
}

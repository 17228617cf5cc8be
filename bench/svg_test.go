package main

import (
	"encoding/xml"
	"errors"
	"io"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestPicture(t *testing.T) {
	names := []string{oursName, "control", byHandName, otterName, "a < b & c"}
	var curves []curve
	for i, name := range names {
		curves = append(curves, curve{name, newLatencies([]time.Duration{0, time.Duration(i+1) * time.Microsecond, time.Second})})
	}
	var texts strings.Builder
	points := 0
	decoder := xml.NewDecoder(strings.NewReader(string(drawLatencies(curves))))
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("not well-formed: %v", err)
		}
		switch token := token.(type) {
		case xml.CharData:
			texts.Write(token)
		case xml.StartElement:
			if token.Name.Local == "polyline" {
				points += checkPoints(t, token)
			}
		}
	}
	for _, want := range append(names, "99.9 %", "1ms", "prefers-color-scheme: dark") {
		if !strings.Contains(texts.String(), want) {
			t.Errorf("%q is missing", want)
		}
	}
	if want := len(names) * (20*mostNines + 1); points != want {
		t.Errorf("%d points, want %d", points, want)
	}
}

// checkPoints holds a curve to the plot, and to its direction: no percentile is
// below one before it.
func checkPoints(t *testing.T, polyline xml.StartElement) (points int) {
	t.Helper()
	lastX, lastY := 0.0, float64(pictureHeight)
	for _, a := range polyline.Attr {
		if a.Name.Local != "points" {
			continue
		}
		for _, pair := range strings.Fields(a.Value) {
			first, second, _ := strings.Cut(pair, ",")
			x, errX := strconv.ParseFloat(first, 64)
			y, errY := strconv.ParseFloat(second, 64)
			if errX != nil || errY != nil || x < plotLeft || x > plotRight || y < plotTop || y > plotBottom || x < lastX || y > lastY {
				t.Errorf("point %q after %.1f,%.1f", pair, lastX, lastY)
			}
			lastX, lastY = x, y
			points++
		}
	}
	return points
}

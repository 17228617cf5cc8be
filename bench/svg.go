package main

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"math"
	"time"
)

// pictureName is the file of the picture, beside the results.
const pictureName = "expiry.svg"

// The picture's measures, in its own units.
const (
	pictureWidth, pictureHeight = 760, 420

	plotLeft, plotRight = 80, 730
	plotTop, plotBottom = 82, 356
)

// The axes: percentiles by how many nines they have, latencies by their decade.
const (
	mostNines = 4.0 // 99.99 %
	shortest  = 100 * time.Nanosecond
	longest   = 100 * time.Millisecond
)

// palette is the stroke of each curve in light and dark mode, told apart by
// lightness and dashes too.
var palette = []struct{ light, dark, dashes string }{
	{"#0a58ca", "#6ea8fe", ""},
	{"#6c757d", "#adb5bd", "2 4"},
	{"#b02a37", "#f1707b", ""},
	{"#146c43", "#63c794", "8 4"},
	{"#b25c00", "#ffb454", "10 3 2 3"},
}

// drawLatencies draws latency by percentile, one curve a contender.
func drawLatencies(curves []curve) []byte {
	d := new(drawing)
	d.printf(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" role="img" aria-labelledby="title">`+"\n", pictureWidth, pictureHeight)
	d.printf("<title id=\"title\">Latency by percentile while secrets expire</title>\n")
	d.style(len(curves))
	d.text(plotLeft, 24, "heading", "Verifying a webhook while secrets expire")
	d.grid()
	next := float64(plotLeft)
	for i, c := range curves {
		next = d.legend(i, next, c.name)
		d.curve(i, c.latencies)
	}
	d.printf("</svg>\n")
	return d.Bytes()
}

type drawing struct{ bytes.Buffer }

func (d *drawing) printf(format string, args ...any) { fmt.Fprintf(&d.Buffer, format, args...) }

// style has no background: the picture stands on the page's, light or dark.
func (d *drawing) style(curves int) {
	d.printf("<style>\ntext { font: 12px system-ui, sans-serif; fill: #24292f }\n.heading { font-size: 14px; font-weight: 600 }\n" +
		".grid { stroke: #24292f; stroke-opacity: .15 }\n.end { text-anchor: end } .middle { text-anchor: middle }\n.curve { fill: none; stroke-width: 2; stroke-linejoin: round }\n")
	for i := range curves {
		d.printf(".c%d { stroke: %s; stroke-dasharray: %s }\n", i, palette[i].light, dashes(i))
	}
	d.printf("@media (prefers-color-scheme: dark) {\ntext { fill: #e6edf3 }\n.grid { stroke: #e6edf3 }\n")
	for i := range curves {
		d.printf(".c%d { stroke: %s }\n", i, palette[i].dark)
	}
	d.printf("}\n</style>\n")
}

func dashes(i int) string {
	if palette[i].dashes == "" {
		return "none"
	}
	return palette[i].dashes
}

func (d *drawing) text(x, y float64, class, text string) {
	d.printf(`<text x="%.1f" y="%.1f" class="%s">`, x, y, class)
	_ = xml.EscapeText(&d.Buffer, []byte(text)) // a buffer takes all
	d.printf("</text>\n")
}

func (d *drawing) stroke(x1, y1, x2, y2 float64, class string) {
	d.printf(`<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" class="%s"/>`+"\n", x1, y1, x2, y2, class)
}

func (d *drawing) grid() {
	for latency := shortest; latency <= longest; latency *= 10 {
		y := yOf(latency)
		d.stroke(plotLeft, y, plotRight, y, "grid")
		d.text(plotLeft-8, y+4, "end", latency.String())
	}
	for nines, label := range []string{"0 %", "90 %", "99 %", "99.9 %", "99.99 %"} {
		x := xOf(float64(nines))
		d.stroke(x, plotTop, x, plotBottom, "grid")
		d.text(x, plotBottom+18, "middle", label)
	}
	d.text((plotLeft+plotRight)/2, plotBottom+42, "middle", "share of the requests that took at most as long")
}

// legend explains a curve from x on, and returns where the next may begin.
func (d *drawing) legend(i int, x float64, name string) float64 {
	const y, sample, letter, gap = 54, 22, 6.5, 24
	d.stroke(x, y, x+sample, y, fmt.Sprintf("curve c%d", i))
	d.text(x+sample+5, y+4, "", name)
	return x + sample + 5 + letter*float64(len(name)) + gap
}

// curve has twenty points a nine.
func (d *drawing) curve(i int, l latencies) {
	d.printf(`<polyline class="curve c%d" points="`, i)
	const points = 20 * mostNines
	for point := 0.0; point <= points; point++ {
		nines := point / 20
		d.printf("%.1f,%.1f ", xOf(nines), yOf(l.quantile(1-math.Pow(10, -nines))))
	}
	d.printf("\"/>\n")
}

func xOf(nines float64) float64 { return plotLeft + nines/mostNines*(plotRight-plotLeft) }

// yOf keeps what is off the axis at its end.
func yOf(latency time.Duration) float64 {
	latency = min(max(latency, shortest), longest)
	height := math.Log(float64(latency)/float64(shortest)) / math.Log(float64(longest)/float64(shortest))
	return plotBottom - height*(plotBottom-plotTop)
}

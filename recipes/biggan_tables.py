r"""BigGAN's tables and figures on the digits, at a size that fits two CPU cores, with verdicts.

    python -m recipes.biggan_tables --table=ablation --run_dir=runs/biggan-tables

Trains what is missing, resumes what was interrupted, and writes the table as Markdown, CSV and
pictures to --results. At the paper's scale the rows are flagfiles of recipes.biggan.
Paper: Brock et al., 2019, https://arxiv.org/abs/1809.11096, Tables 1 and 2, sections 3 and 4.
"""

import pathlib

from absl import app, flags

from recipes import sheets, spectra, tables
from recipes.tables import Claim, Row
from tfgan_zoo.training.checkpoints import replace_text

FLAGFILE = pathlib.Path(__file__).parent / "flagfiles/biggan/digits16.flags"
LAYOUT = "resolution=16,g_widths=4:2:1,d_widths=1:2:4,flat_blocks=1,z_dim=30"
ATTENTION = f"{LAYOUT},g_attention=8,d_attention=8"
UNSHARED = f"{ATTENTION},shared_dim=0,skip_z=false"
THRESHOLDS = "none,2,1.5,1,0.5,0.04"
WIDE = "width=24"  # 1.5 times the others, as 96 is of 64


def _row(name, what, spec, *more, **settings):
    return Row(name, what, (f"--spec={spec}", *more), **settings)


ABLATION = [
    _row("row1", "batch 8", UNSHARED, "--batch_size=8", "--orthogonal=0", paper="18.65 / 52.52"),
    _row("row2", "batch 16", UNSHARED, "--batch_size=16", "--orthogonal=0", paper="15.30 / 58.77"),
    _row("row3", "batch 32", UNSHARED, "--batch_size=32", "--orthogonal=0", paper="14.88 / 63.03"),
    _row("row4", "batch 64", UNSHARED, "--orthogonal=0", paper="12.39 / 76.85"),
    _row("row5", "1.5 times as wide", f"{UNSHARED},{WIDE}", "--orthogonal=0", paper="9.54 / 92.98"),
    _row(
        "row6",
        "shared embedding",
        f"{ATTENTION},skip_z=false,{WIDE}",
        "--orthogonal=0",
        paper="9.18 / 94.94",
    ),
    _row("row7", "skipped latents", f"{ATTENTION},{WIDE}", "--orthogonal=0", paper="8.73 / 98.76"),
    _row("row8", "orthogonal regularisation", f"{ATTENTION},{WIDE}", paper="8.51 / 99.31"),
    _row("row9", "as row 8, narrow", ATTENTION, paper="10.48 / 86.90"),
]
ROW8 = ABLATION[7]
BASELINES = [
    _row(
        "sngan",
        "SNGAN: batch 8, 5 discriminator steps",
        LAYOUT,
        "--variant=sngan-digits",
        "--d_steps=5",
        "--batch_size=8",
        "--orthogonal=0",
        paper="27.62 / 36.80",
        recipe="sngan",
    ),
    _row(
        "sagan",
        "SAGAN: batch 8, 1 discriminator step",
        ATTENTION,
        "--variant=sagan-digits",
        "--d_steps=1",
        "--batch_size=8",
        "--orthogonal=0",
        paper="18.65 / 52.52",
        recipe="sagan",
    ),
    ROW8,
    _row(
        "deep",
        "BigGAN-deep: width 32, a quarter of it inside the blocks",
        f"{ATTENTION.replace('flat_blocks=1,', '')},width=32",
        "--variant=biggan-deep-digits",
        paper="5.7 / 124.5",
        recipe="biggan_deep",
    ),
]
ROW9 = ABLATION[8]  # the narrow one: half the time
R1 = [ROW9] + [
    Row(f"r1-{weight}", f"R1, gamma {weight}", (*ROW9.flags, f"--r1_weight={weight}"), paper=paper)
    for weight, paper in ((1, "IS 20 % lower"), (10, "IS 45 % lower"))
]
# Without spectral normalisation, at rates that are too high.
DOOMED = (
    f"--spec={ATTENTION},g_spectral=false,d_spectral=false",
    "--g_learning_rate=6e-3",
    "--d_learning_rate=1.2e-2",
    "--evaluate_every=50",
)
COLLAPSE = [
    Row("doomed-unguarded", "no SN, 12 times the rates", (*DOOMED, "--on_collapse=warn")),
    Row(
        "doomed-rollback",
        "the same, rolled back, rates divided by 5",
        (*DOOMED, "--on_collapse=rollback", "--rollback_rate=0.2"),
        may_fail=True,
    ),
]
CLAIMS = {
    "ablation": [
        Claim(
            "a batch 8 times as large is better (paper: IS + 46 %, FID 18.65 to 12.39)",
            "row4",
            "row1",
        ),
        Claim("1.5 times the width is better (IS + 21 %, FID 12.39 to 9.54)", "row5", "row4"),
        Claim("one shared embedding is better (FID 9.54 to 9.18)", "row6", "row5"),
        Claim("skipped latents are better (IS + 4 %, FID 9.18 to 8.73)", "row7", "row6"),
        Claim("orthogonal regularisation is better (FID 8.73 to 8.51)", "row8", "row7"),
        Claim("wide networks are better (FID 10.48 to 8.51)", "row8", "row9"),
    ],
    "baselines": [
        Claim("BigGAN is better than SNGAN (FID 27.62 to 8.51)", "row8", "sngan"),
        Claim("BigGAN is better than SAGAN (FID 18.65 to 8.51)", "row8", "sagan"),
        Claim("SAGAN is better than SNGAN (FID 27.62 to 18.65)", "sagan", "sngan"),
        Claim("BigGAN-deep is better than BigGAN (FID 8.7 to 5.7)", "deep", "row8"),
    ],
    "r1": [
        Claim(
            "no R1 has a higher IS than R1 of 10 (which costs 45 %)",
            "row9",
            "r1-10",
            "inception_score",
            lower=False,
        ),
        Claim(
            "no R1 has a higher IS than R1 of 1 (which costs 20 %)",
            "row9",
            "r1-1",
            "inception_score",
            lower=False,
        ),
    ],
    "collapse": [
        Claim("(ours) going back and on is better", "doomed-rollback", "doomed-unguarded")
    ],
}


def main(argv):
    """Trains, then writes one table."""
    del argv
    lab, results = OPEN((f"--flagfile={FLAGFILE}",))
    tables.write_or_exit(lambda: WRITERS[TABLE.value](lab, results))


def _write(lab, results, name, rows, lines, claims=None):
    claims = tables.judge(lab, CLAIMS[name], rows) if claims is None else claims
    page = [f"# {TITLES[name]}\n", PROTOCOL.format(seeds=len(lab.seeds))]
    page += [tables.markdown(lines)]
    page += ["## Claims\n", tables.markdown(claims)]
    replace_text(results / f"{name}.md", "\n".join(page))
    replace_text(results / f"{name}.csv", tables.csv_text(lines))


def _scores(lab, rows):
    """One line per row of what all tables have."""
    return [
        {
            "row": row.name,
            "what": row.what,
            "parameters": f"{lab.parameters(row):,}",
            "FID": tables.spread(lab.values(row, "fid")),
            "best FID": tables.spread(lab.best(row, "fid")),
            "KID x 1000": tables.spread([1000 * v for v in lab.values(row, "kid")]),
            "IS": tables.spread(lab.values(row, "inception_score")),
            "class share": tables.spread(lab.values(row, "class_share")),
            "paper, FID / IS": row.paper,
        }
        for row in rows
    ]


def _plain(name, rows):
    def write(lab, results):
        lab.train(rows)
        _write(lab, results, name, rows, _scores(lab, rows))
        figure = tables.dots(lab, rows, "fid", "FID, lower is better", TITLES[name])
        sheets.write(results / f"{name}.png", figure)

    return write


def _collapse(lab, results):
    rows = [ROW9, *COLLAPSE]
    lab.train(rows)
    lines = _scores(lab, rows)
    for line, row in zip(lines, rows, strict=True):
        events = [lab.run(row, seed).rows("events.jsonl") for seed in lab.seeds]
        line["what the monitor saw, seed by seed"] = "; ".join(
            ", ".join(f"{e['action']} at {e['seen_at']} ({e['reason']})" for e in seen) or "nothing"
            for seen in events
        )
        for side in spectra.PLAYERS:
            ends = [
                [spectra.largest(row, side) for row in (seen[0], seen[-1])]
                for seen in (lab.run(row, seed).rows("spectra.jsonl") for seed in lab.seeds)
            ]
            line[f"largest singular value of {side.upper()}, first to last look, seed by seed"] = (
                "; ".join(f"{first:.2f} to {last:.2f}" for first, last in ends)
            )
    _write(lab, results, "collapse", rows, lines)
    for row, seed in ((ROW9, lab.seeds[0]), *((COLLAPSE[0], seed) for seed in lab.seeds)):
        seen = lab.run(row, seed).rows("spectra.jsonl")
        for side, player in spectra.PLAYERS.items():
            figure = spectra.figure(seen, side, f"{row.what}, seed {seed}, {player}")
            sheets.write(results / f"spectra-{row.name}-seed{seed}-{side}.png", figure)
    sheets.write(
        results / "collapse.png", tables.lines(lab, rows, "fid", "FID", TITLES["collapse"])
    )


def _truncation(lab, results):
    rows = ABLATION[6:8]
    lab.train(rows)
    lab.sample(rows, "sweep-seed{seed}.jsonl", "--sheets=sweep", f"--truncations={THRESHOLDS}")
    lines, curves = [], {}
    for row in rows:
        found = {}
        for seed in lab.seeds:
            for record in lab.run(row, seed).rows(f"sheets/sweep-seed{seed}.jsonl"):
                key = (record["truncation"], record["metric"])
                found.setdefault(key, []).append(record["value"])
        curves[row.what] = found
        for limit in dict.fromkeys(limit for limit, _ in found):
            lines.append(
                {
                    "row": row.name,
                    "what": row.what,
                    "threshold": limit or "none",
                    "FID": tables.spread(found[limit, "fid"]),
                    "IS": tables.spread(found[limit, "inception_score"]),
                    "class share": tables.spread(found[limit, "class_share"]),
                }
            )
    with_it, without = curves[rows[1].what], curves[rows[0].what]
    claims = [
        ("IS rises as the threshold falls: 0.5 against none", "inception_score", False, 0.5, None),
        ("FID rises when the threshold is small: none against 0.04", "fid", True, None, 0.04),
    ]
    verdicts = [
        {
            "claim": text,
            "score": metric,
            "verdict": tables.verdict(with_it[better, metric], with_it[worse, metric], lower),
        }
        for text, metric, lower, better, worse in claims
    ]
    pair = (with_it[0.5, "class_share"], without[0.5, "class_share"])
    verdicts.append(
        {
            "claim": "orthogonal regularisation makes truncation harmless (60 % against 16 % of "
            "models): class share at 0.5, row 8 against row 7",
            "score": "class_share",
            "verdict": tables.verdict(*pair, lower=False),
        }
    )
    _write(lab, results, "truncation", rows, lines, verdicts)
    figure = tables.trade_off(curves, TITLES["truncation"])
    sheets.write(results / "truncation.png", figure)


TITLES = {
    "ablation": "Table 1 of BigGAN on the digits at 16 px",
    "baselines": "SNGAN, SAGAN, BigGAN and BigGAN-deep on the digits at 16 px",
    "r1": "R1 on the discriminator, digits at 16 px",
    "truncation": "Truncation with and without orthogonal regularisation, digits at 16 px",
    "collapse": "A run that collapses, with and without the monitor, digits at 16 px",
}
PROTOCOL = """\
scikit-learn's digits at 16 px (1,438 training images), flags of
`recipes/flagfiles/biggan/digits16.flags`, {seeds} seeds, the same number of steps for every row.
Scores: 1,797 samples of the averaged generator, without truncation unless a threshold is given
(then with batch-norm moments of that threshold, 100 passes), features of the shipped digits
classifier; ± is the standard deviation over seeds. A verdict needs a difference of two standard
errors, which with three seeds chance alone reaches one time in nine. 500 steps are the beginning of
training: a row that only learns faster looks better here, and a larger batch has seen more images.
"""
WRITERS = {
    "ablation": _plain("ablation", ABLATION),
    "baselines": _plain("baselines", BASELINES),
    "r1": _plain("r1", R1),
    "truncation": _truncation,
    "collapse": _collapse,
}

if __name__ == "__main__":
    # Not at import: tests import several programs, whose flags have the same names.
    TABLE = flags.DEFINE_enum(
        "table",
        "ablation",
        ["ablation", "baselines", "r1", "truncation", "collapse"],
        "ablation: Table 1. baselines: SNGAN, SAGAN, BigGAN-deep. r1: section 4.2. truncation: "
        "section 3.1. collapse: a run that fails, with and without the monitor, and its singular "
        "values.",
    )
    OPEN = tables.define_flags("runs/biggan-tables", "recipes/results/biggan")
    app.run(main)

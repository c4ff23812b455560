r"""The tables and figures of GP-WIRGAN, here and at the paper's scale, with verdicts on its claims.

    python -m recipes.wirgan_tables --table=4
    python -m recipes.wirgan_tables --table=9 --scale=paper

Trains what is missing in --runs, resumes what was interrupted, and writes the table as Markdown,
CSV and pictures to --results. The toy distributions (Figures 4 to 6) are recipes.toys.
Paper: Feng et al., GP-WIRGAN, Chinese Journal of Computers 43(2), 2020.
"""

import functools
import itertools
import json
import logging
import pathlib
import statistics

from absl import app, flags

from recipes import battles, judged, scores, sheets, step_times, tables, wirgan_figures
from recipes.tables import Claim, Row
from tfgan_zoo.data import sources
from tfgan_zoo.training.checkpoints import replace_text

HERE = pathlib.Path(__file__).parent
PAPER = json.loads((HERE / "paper/wirgan.json").read_text(encoding="utf-8"))
TIME_STEPS = (1, 3, 5)
RECIPES = {"GRAN": "gran", "WIRGAN": "wirgan", "GP-WIRGAN": "gp_wirgan"}
# {flagfile: the paper's name for the data}; the digits stand beside MNIST.
DATA = {
    "digits": {"digits": "MNIST"},
    "paper": {"mnist": "MNIST", "cifar10": "CIFAR10", "lsun": "LSUN", "celeba": "CelebA"},
}


def row(model: str, time_steps: int, data: str) -> Row:
    """One of the nine models on one data set."""
    recipe = RECIPES[model]
    return Row(
        f"{data}-{recipe}-t{time_steps}",
        f"{model}, T = {time_steps}",
        (f"--flagfile={HERE}/flagfiles/{recipe}/{data}.flags", f"--spec=time_steps={time_steps}"),
        recipe=recipe,
    )


def _images(data, split):
    """The images of a flagfile, at the networks' resolution."""
    text = (HERE / f"flagfiles/wirgan/{data}.flags").read_text(encoding="utf-8")
    found = dict(line[2:].split("=", 1) for line in text.splitlines() if line.startswith("--"))
    resolution = {"digits": 28, "mnist": 28, "cifar10": 32}.get(data, 64)
    return sources.load(found["dataset"], resolution, split=split)


# --- GAM: Tables 3 to 7 --------------------------------------------------------------------------


def _gam(table, lab):
    lines, claims = [], []
    for data, name in DATA[SCALE.value].items():
        papers = [p for p in PAPER["gam"] if p["table"] == table and p["data"] == name]
        models = dict.fromkeys(tuple(p[side]) for p in papers for side in ("first", "second"))
        lab.train([row(model, steps, data) for model, steps in models])
        train, test = (_images(data, split) for split in sources.SPLITS)

        @functools.cache
        def contender(model, steps, seed, data=data, train=train):
            run = lab.run(row(model, steps, data), seed)
            return battles.Contender(run, train, wasserstein=model != "GRAN")

        for paper in papers:
            fought = [
                battles.battle(
                    contender(*paper["first"], seed),
                    contender(*paper["second"], seed),
                    test.images[:1000],
                )
                for seed in lab.seeds
            ]
            first, second = (f"{m}, T = {t}" for m, t in (paper["first"], paper["second"]))
            lines.append(
                {
                    "data": data,
                    "M1": first,
                    "M2": second,
                    f"paper, {name}": f"{paper['r_test']} / {paper['r_sample']}",
                    **battles.line(fought),
                }
            )
            claims.append({"claim": f"{second} beats {first}", "verdict": battles.verdict(fought)})
    return lines, claims


def _write_gam(table, lab, results):
    lines, claims = _gam(table, lab)
    _write(lab, results, f"table{table}", lines, claims, GAM_PROTOCOL)
    figure = wirgan_figures.ratios(lines, f"{TITLES[f'table{table}']}{_where()}")
    sheets.write(results / f"table{table}.png", figure)


# --- Tables 8, 9 and 10 --------------------------------------------------------------------------


def _judged_rows(data):
    """Those of Table 8, from the paper's worst to its best."""
    return {
        "DAVE": Row(f"{data}-dave", "DAVE", _flagfile("dave", data), recipe="dave"),
        "DRAW": Row(f"{data}-draw", "DRAW", _flagfile("draw", data), recipe="draw"),
        "WIRGAN": row("WIRGAN", 3, data),
        "GP-WIRGAN": row("GP-WIRGAN", 3, data),
    }


def _write_table8(lab, results):
    (data,) = [name for name, paper in DATA[SCALE.value].items() if paper == "MNIST"]
    rows = _judged_rows(data)
    # Before the training, which takes hours where there is no classifier of the data.
    classifiers = [
        judged.classifier(_images(data, "train").name),
        judged.another_classifier(lab.folder),
    ]
    lab.train(list(rows.values()))
    found = {name: judged.errors(lab, each, classifiers) for name, each in rows.items()}
    accuracies = judged.accuracies(classifiers, _images(data, "held_out"))
    protocol = judged.PROTOCOL.format(accuracies=accuracies)
    _write(lab, results, "table8", *judged.table(found, PAPER["table8"]), protocol)


def _write_table8_classes(lab, results):
    (data,) = [name for name, paper in DATA[SCALE.value].items() if paper == "MNIST"]
    images = _images(data, "train")
    classifier = judged.classifier(images.name)
    found = judged.per_class(lab, _judged_rows(data), classifier, images.num_classes)
    protocol = judged.PER_CLASS_PROTOCOL.format(
        accuracies=judged.accuracies([classifier], _images(data, "held_out")),
        seeds=", ".join(map(str, lab.seeds)),
    )
    found = {name: {"E3, %": values} for name, values in found.items()}
    _write(lab, results, "table8-classes", *judged.table(found, PAPER["table8"]), protocol)


def _flagfile(recipe, data):
    return (f"--flagfile={HERE}/flagfiles/{recipe}/{data}.flags",)


def _write_table9(lab, results):
    lines, claims = [], []
    for data, name in DATA[SCALE.value].items():
        rows = {(m, t): row(m, t, data) for m in RECIPES for t in TIME_STEPS}
        lab.train(list(rows.values()))
        papers = {
            (p["model"], p["steps"]): p["score"] for p in PAPER["table9"] if p["data"] == name
        }
        for (model, steps), each in rows.items():
            lines.append(
                {
                    "data": data,
                    "model": each.what,
                    "parameters": f"{lab.parameters(each):,}",
                    "IS": tables.spread(lab.values(each, "inception_score")),
                    "FID": tables.spread(lab.values(each, "fid")),
                    "best FID": tables.spread(lab.best(each, "fid")),
                    f"paper ({name}), IS": papers.get((model, steps), "none"),
                }
            )
        claims += tables.judge(lab, _quality_claims(rows), list(rows.values()))
        figure = tables.dots(
            lab, list(rows.values()), "fid", "FID, lower is better", f"Nine models on {data}"
        )
        sheets.write(results / f"fid-{data}.png", figure)
    _write(lab, results, "table9", lines, claims, _is_protocol(lab))
    sheets.write(results / "figure7.png", wirgan_figures.inception_scores(lines, PAPER["figure7"]))


def _quality_claims(rows):
    """Quality grows with T, and from GRAN to WIRGAN to GP-WIRGAN: by both scores."""
    pairs = [
        (
            f"quality grows with T: {model}, {more} against {fewer} steps",
            (model, more),
            (model, fewer),
        )
        for model in RECIPES
        for fewer, more in ((1, 3), (3, 5), (1, 5))
    ] + [
        (f"{better} is better than {worse}, T = {steps}", (better, steps), (worse, steps))
        for worse, better in itertools.pairwise(RECIPES)
        for steps in TIME_STEPS
    ]
    return [
        Claim(text, rows[better].name, rows[worse].name, metric, lower=metric == "fid")
        for text, better, worse in pairs
        for metric in ("fid", "inception_score")
    ]


def _write_table10(lab, results):
    lines, claims = [], []
    for data, (names, batch_size) in TIMED.items():
        found = step_times.measure(data, batch_size, TIME_STEPS, ROUNDS.value)
        about = {"networks": data, "batch": batch_size}
        for line in step_times.lines(found):
            papers = [
                paper["seconds"]
                for paper in PAPER["table10"]
                if paper["data"] in names
                and (paper["model"], paper["steps"]) == (line["model"], line["T"])
            ]
            lines.append({**about, **line, "paper, s": "; ".join(papers)})
        claims += [{"networks": data, **claim} for claim in step_times.claims(found)]
    _write(lab, results, "table10", lines, claims, TIME_PROTOCOL.format(rounds=ROUNDS.value))


# {end of the variants' names: (the paper's data, batch size)}; larger networks get fewer images.
TIMED = {"mnist": (["MNIST"], 32), "cifar10": (["CIFAR10"], 16), "64": (["LSUN", "CelebA"], 4)}


# --- Figures 8 to 15 -----------------------------------------------------------------------------


def _write_figures(lab, results):
    lines, claims = [], []
    seed = lab.seeds[0]

    def write(number, data, what, figure):
        name = f"figure{number}-{data}.png"
        sheets.write(results / name, figure)
        lines.append({"figure": number, "file": f"[{name}]({name})", "what": what})

    for data in DATA[SCALE.value]:
        drawn = [row(m, t, data) for m in ("WIRGAN", "GP-WIRGAN") for t in (3, 5)]
        shown = [row(m, 3, data) for m in RECIPES]
        best = shown[-1]
        lab.train(list(dict.fromkeys([*drawn, *shown])))
        for number, each in zip((8, 9, 10, 11), drawn, strict=True):
            title = f"{each.what}, {data}, seed {seed}"
            figure = wirgan_figures.process(lab.generator(each, seed), title)
            write(number, data, f"canvases of {each.what}", figure)
        samples = {each.what: lab.generator(each, seed) for each in shown}
        title = f"Samples after training on {data}, seed {seed}"
        write("12", data, "samples", wirgan_figures.side_by_side(samples, title))
        title = f"{best.what}, {data}, seed {seed}"
        curves = [wirgan_figures.loss_and_quality(lab.run(best, s)) for s in lab.seeds]
        figure = wirgan_figures.loss_figure(lab.run(best, seed).path, curves[0], title)
        write("14", data, "loss and quality during training", figure)
        figure = wirgan_figures.many(lab.generator(best, seed), title)
        write("15", data, f"samples of {best.what}", figure)
        found = [wirgan_figures.rank_correlation(*zip(*curve, strict=True)) for curve in curves]
        claims.append(_follows(data, best, found))
    _write(lab, results, "figures", lines, claims, FIGURE_PROTOCOL)


def _follows(data, each, found):
    mean = statistics.mean(found)
    word = "cannot be told"
    if min(found) > 0.5:
        word = "holds"
    elif max(found) < 0.5:
        word = "does not hold"
    return {
        "claim": f"the loss follows the quality of samples: {each.what}, {data}",
        "rank correlation of estimate and FID, seed by seed": ", ".join(f"{v:.2f}" for v in found),
        "verdict": f"{word}: mean {mean:.2f}",
    }


# --- pages ---------------------------------------------------------------------------------------


def _where():
    return ", digits at 28 px" if SCALE.value == "digits" else ""


def _is_protocol(lab):
    """Of the scores of one run, in words."""
    last = scores.latest(
        lab.run(row("GP-WIRGAN", 3, next(iter(DATA[SCALE.value]))), lab.seeds[0]).rows(
            "scores.jsonl"
        )
    )
    about = last["inception_score"]
    return (
        f"Inception Score of {about['fake_count']} samples in {about['splits']} splits, FID of the "
        f"same samples against\n{about['real']} ({about['real_count']} images); network: "
        f"{about['backbone']}, not the paper's Inception, whose\nprotocol is not stated: compare "
        "orders, not values.\n"
    )


def _write(lab, results, name, lines, claims, protocol):
    page = [f"# {TITLES[name]}{_where() if name != 'table10' else ''}\n"]
    if name not in ("table8-classes", "table10") and SCALE.value == "digits":
        page.append(COMMON.format(seeds=", ".join(map(str, lab.seeds))))
    page += [protocol, tables.markdown(lines), "## Claims\n", tables.markdown(claims)]
    replace_text(results / f"{name}.md", "\n".join(page))
    replace_text(results / f"{name}.csv", tables.csv_text(lines))


TITLES = {
    "table3": "Table 3: GAM of WIRGAN over T",
    "table4": "Table 4: GAM of GP-WIRGAN over T",
    "table5": "Table 5: GAM, WIRGAN against GP-WIRGAN",
    "table6": "Table 6: GAM, GRAN against WIRGAN",
    "table7": "Table 7: GAM, GRAN against GP-WIRGAN",
    "table8": "Table 8: error of a classifier on samples",
    "table8-classes": "Table 8, models of one class each",
    "table9": "Table 9: Inception Score over T",
    "table10": "Table 10: seconds per iteration, at the paper's network sizes",
    "figures": "Figures 8 to 15",
}
COMMON = """\
scikit-learn's digits at 28 px (1,438 training and 359 held-out images, 8x8 originals enlarged),
narrow networks and rates of our own: `recipes/flagfiles/{{gran,wirgan,gp_wirgan}}/digits.flags`.
Seeds {seeds}. ± is the standard deviation over seeds; a verdict needs a difference of two standard
errors, which with three seeds chance alone reaches one time in nine.
"""
GAM_PROTOCOL = """\
The discriminators judge held-out images (at most 1,000) and 1,000 samples of each model from the
same noise. A logit above the threshold is called real: half-way between the means of training
images and of own samples, for GRAN 0. r_test and r_sample are ratios of error rates, M1's over
M2's; M2 wins if r_sample is above 1, fair is 0.85 < r_test < 1.1, a tie is a 95 % bootstrap
interval of r_sample that includes 1. By accuracies: ratios of 1 - error, as GRAN's code has them.
One value per seed. A claim holds if at least two seeds are decided and all of them agree. The
paper's column: r_test / r_sample.
"""
TIME_PROTOCOL = """\
Compiled steps of the recipes' models on random images; models of the same networks take turns in
one process, {rounds} timed steps each after one to warm up: median and quartiles. Batch sizes are
ours, as the paper has neither batch nor hardware nor a definition of an iteration. WIRGAN and
GP-WIRGAN are trained with 5 discriminator updates per iteration, GRAN with 1; "one update of each"
compares equal work. GRAN has its authors' widths. A claim holds if the quartiles do not overlap.
"""
FIGURE_PROTOCOL = """\
The paper's Figure 13 is its Figure 12 for CIFAR-10. The claim is judged by the rank correlation,
over all scored steps, of FID with the estimate of the distance: minus the discriminator's loss
without penalty, a mean over the steps since the last report.
"""
WRITERS = {
    **{str(number): functools.partial(_write_gam, number) for number in range(3, 8)},
    "8": _write_table8,
    "8-classes": _write_table8_classes,
    "9": _write_table9,
    "10": _write_table10,
    "figures": _write_figures,
}


def main(argv):
    """Trains what is missing, then writes one table."""
    del argv
    # Every run's networks are compiled anew, which TensorFlow takes for a mistake.
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    lab, results = OPEN(())
    results = results if SCALE.value == "digits" else results / "paper"
    results.mkdir(parents=True, exist_ok=True)
    tables.write_or_exit(lambda: WRITERS[TABLE.value](lab, results))


if __name__ == "__main__":
    # Not at import: tests import several programs, whose flags have the same names.
    TABLE = flags.DEFINE_enum(
        "table",
        None,
        list(WRITERS),
        "3 and 4: GAM over T. 5 to 7: GAM between models. 8: error of a classifier. 8-classes: the "
        "same of ten models per method, one for each digit. 9: Inception Score, and Figure 7. 10: "
        "seconds per iteration. figures: 8 to 15.",
        required=True,
    )
    SCALE = flags.DEFINE_enum(
        "scale",
        "digits",
        ["digits", "paper"],
        "Narrow networks on the digits, or the paper's data.",
    )
    OPEN = tables.define_flags("runs/wirgan-tables", "recipes/results/wirgan")
    ROUNDS = flags.DEFINE_integer(
        "rounds", 7, "Table 10: timed steps of each model.", lower_bound=1
    )
    app.run(main)

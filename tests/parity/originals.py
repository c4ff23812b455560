"""What the original packages make of given arrays: TF-GAN, TensorFlow Addons and TensorFlow 2.15.

    OLD_PYTHON tests/parity/originals.py INPUTS.npz ANSWERS.npz

Needs the packages of constraints.txt, which no TensorFlow after 2.15 can be installed beside, and
nothing of ours. INPUTS are those of arrays.py; each comparison below reads some of them by name.
"""

import functools
import importlib.metadata
import sys
from unittest import mock

import numpy as np
import tensorflow as tf
import tensorflow_addons as tfa
import tensorflow_gan as tfgan
import tensorflow_probability as tfp
from tensorflow_gan.examples.progressive_gan import layers as pggan
from tensorflow_gan.examples.self_attention_estimator import ops as sagan
from tensorflow_gan.python.eval import classifier_metrics, sliced_wasserstein
from tensorflow_gan.python.losses import losses_wargs as wargs

PACKAGES = (
    *("tensorflow-cpu", "keras", "tensorflow-addons", "tensorflow-gan"),
    "tensorflow-probability",
)
GENERATOR_LOSSES = {
    "minimax": wargs.minimax_generator_loss,
    "non_saturating": wargs.modified_generator_loss,
    "hinge": wargs.wasserstein_hinge_generator_loss,
    "wasserstein": wargs.wasserstein_generator_loss,
    "least_squares": wargs.least_squares_generator_loss,
    "pearson": lambda fake: wargs.least_squares_generator_loss(fake, real_label=0),
    "reversed_least_squares": lambda fake: wargs.least_squares_generator_loss(
        fake, real_label=0, weights=2.0
    ),
}
DISCRIMINATOR_LOSSES = {
    # By default TF-GAN makes targets of 1 smaller.
    "minimax": functools.partial(wargs.minimax_discriminator_loss, label_smoothing=0.0),
    "non_saturating": functools.partial(wargs.modified_discriminator_loss, label_smoothing=0.0),
    "hinge": wargs.wasserstein_hinge_discriminator_loss,
    "wasserstein": wargs.wasserstein_discriminator_loss,
    "least_squares": wargs.least_squares_discriminator_loss,
    "pearson": lambda real, fake: wargs.least_squares_discriminator_loss(real, fake, fake_label=-1),
    "reversed_least_squares": lambda real, fake: wargs.least_squares_discriminator_loss(
        real, fake, real_label=0, fake_label=1, real_weights=2.0, generated_weights=0.2
    ),
}
PENALTIES = {
    "default": {},
    "one_sided": {"one_sided": True, "target": 1.7},
    "target": {"target": 3.0},
}


def losses(x):
    """Adversarial losses and their gradients: "loss/NAME/g" and "loss/NAME/d"."""
    real, fake = x["logits/real"], x["logits/fake"]
    found = {}
    for name, loss in GENERATOR_LOSSES.items():
        found |= _with_gradients(f"loss/{name}/g", loss, fake)
    for name, loss in DISCRIMINATOR_LOSSES.items():
        found |= _with_gradients(f"loss/{name}/d", loss, real, fake)
    return found


def classifiers(x):
    """AC-GAN's and InfoGAN's terms, the latter for classes, codes, and both."""
    labels, real, fake = (x[f"classes/{name}"] for name in ("labels", "real", "fake"))
    one_hot = tf.one_hot(labels, fake.shape[1])
    classes = tfp.distributions.Categorical(logits=fake)
    codes = tfp.distributions.MultivariateNormalDiag(x["codes/means"], tf.ones_like(x["codes"]))

    def information(inputs, distributions):
        return wargs.mutual_information_penalty(inputs, distributions)

    return {
        "ac/d": wargs.acgan_discriminator_loss(real, fake, one_hot),
        "ac/g": wargs.acgan_generator_loss(fake, one_hot),
        "information/classes": information([labels], [classes]),
        "information/codes": information([x["codes"]], [codes]),
        "information/both": information([labels, x["codes"]], [classes, codes]),
    }


def gradient_penalties(x):
    """Values and gradients with respect to the network: "penalty/NETWORK/SETTINGS"."""
    found = {}
    for settings, arguments in PENALTIES.items():
        found |= _gradient_penalty(x, f"penalty/curved/{settings}", _curved, arguments)
        found |= _gradient_penalty(x, f"penalty/linear/{settings}", _linear, arguments)
    return found | _gradient_penalty(x, "penalty/flat", _flat, {})


def _gradient_penalty(x, name, network, arguments):
    # `tf.gradients` wants a graph; the mixing weights are to be those that we draw.
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        weights = tf.constant(x["penalty/weights"])
        with mock.patch.object(tf.random, "uniform", lambda shape: _reshaped(x, shape)):
            value = wargs.wasserstein_gradient_penalty(
                tf.constant(x["penalty/real"]),
                tf.constant(x["penalty/fake"]),
                None,
                lambda points, _: network(points, weights),
                "discriminator",
                **arguments,
            )
        (gradient,) = tf.gradients(value, weights)
        value, gradient = session.run(
            [value, tf.zeros_like(weights) if gradient is None else gradient]
        )
    return {name: value, f"{name}/gradient": gradient}


def _reshaped(x, shape):
    return tf.reshape(tf.constant(x["penalty/mix"]), shape)


def _curved(points, weights):
    return tf.reduce_sum(tf.tanh(tf.matmul(_flatten(points), weights)) ** 2, axis=1, keepdims=True)


def _linear(points, weights):
    return tf.matmul(_flatten(points), weights[:, :1])


def _flat(points, weights):
    return tf.matmul(_flatten(points), 0.0 * weights[:, :1])


def _flatten(points):
    return tf.reshape(points, (points.shape[0], -1))


def scores(x):
    """FID, KID and Inception Score of given features and logits."""
    found = {}
    for name in ("float32", "float64", "few"):
        real, fake = (tf.constant(x[f"features/{name}/{side}"]) for side in ("real", "fake"))
        found[f"fid/{name}"] = tfgan.eval.frechet_classifier_distance_from_activations(real, fake)
        found[f"fid/{name}/means"] = (
            tfgan.eval.mean_only_frechet_classifier_distance_from_activations(real, fake)
        )
        found[f"kid/{name}"] = tfgan.eval.kernel_classifier_distance_from_activations(
            real, fake, max_block_size=10**6
        )
        covariances = [np.cov(features, rowvar=False) for features in (real, fake)]
        found[f"trace/{name}"] = classifier_metrics.trace_sqrt_product(*covariances)
    blocks = tfgan.eval.kernel_classifier_distance_and_std_from_activations(
        tf.constant(x["features/float64/real"]),
        tf.constant(x["features/float64/fake"]),
        max_block_size=int(x["kid/block"]),
    )
    found["kid/blocks"] = np.array(blocks)
    for name in ("float32", "float64", "certain"):
        logits = tf.constant(x[f"inception/{name}"])
        found[f"inception/{name}"] = tfgan.eval.classifier_score_from_logits(logits)
    return found


def distances_of_patches(x):
    """The parts of the sliced Wasserstein distance: the pyramid, and points along directions."""
    levels = sliced_wasserstein.laplacian_pyramid(tf.constant(x["pyramid"]), 3)
    found = {f"pyramid/{number}": level for number, level in enumerate(levels)}
    directions = x["points/directions"]
    with mock.patch.object(tf.random, "normal", lambda shape: tf.constant(directions)):
        found["sliced"] = sliced_wasserstein._sliced_wasserstein(
            tf.constant(x["points/first"]), tf.constant(x["points/second"]), 1, directions.shape[1]
        )
    return found


def similarities(x):
    """TensorFlow's own MS-SSIM."""
    first, second = x["pictures/first"], x["pictures/second"]
    return {"ms_ssim": tf.image.ssim_multiscale(first, second, max_val=255)}


def clipping(x):
    """Weights after each of several steps of a gradient descent that clips them."""
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        weights = tf.compat.v1.get_variable("w", initializer=x["steps/start"], use_resource=True)
        gradient = tf.compat.v1.placeholder(tf.float32, weights.shape)
        descent = tf.compat.v1.train.GradientDescentOptimizer(1.0)
        clips = tfgan.features.clip_variables(descent, [weights], float(x["steps/limit"]))
        step = clips.apply_gradients([(gradient, weights)])
        session.run(weights.initializer)
        after = []
        for value in x["steps/gradients"]:
            session.run(step, {gradient: value})
            after.append(session.run(weights))
    return {"clipped": np.stack(after)}


def averages(x):
    """The moving average of weights after each of several steps: "average/START_STEP"."""
    found = {}
    for start_step in (0, 3):
        weights = tf.Variable(x["steps/start"])
        descent = tf.keras.optimizers.legacy.SGD(1.0)
        average = tfa.optimizers.MovingAverage(
            descent, average_decay=float(x["steps/decay"]), start_step=start_step
        )
        after = []
        for value in x["steps/gradients"]:
            average.apply_gradients([(tf.constant(value), weights)])
            after.append(average.get_slot(weights, "average").numpy())
        found[f"average/{start_step}"] = np.stack(after)
    return found


def spectral_norms(x):
    """Kernels over their largest singular value, after 1, 2, 5 and 50 rounds from one vector."""
    found = {}
    for rounds in (1, 2, 5, 50):
        for name, layer in (
            ("dense", tf.keras.layers.Dense(x["sn/dense/kernel"].shape[-1])),
            ("conv", tf.keras.layers.Conv2D(x["sn/conv/kernel"].shape[-1], 3, padding="same")),
        ):
            wrapped = tfa.layers.SpectralNormalization(layer, power_iterations=rounds)
            wrapped.build(x[f"sn/{name}/inputs"].shape)
            layer.set_weights([x[f"sn/{name}/kernel"], x[f"sn/{name}/bias"]])
            wrapped.u.assign(x[f"sn/{name}/u"])
            found[f"sn/{name}/{rounds}/outputs"] = wrapped(x[f"sn/{name}/inputs"], training=True)
            found[f"sn/{name}/{rounds}/kernel"] = layer.kernel
            found[f"sn/{name}/{rounds}/u"] = wrapped.u
        found[f"sn/tfgan/{rounds}"] = _tfgan_spectral_norm(x, rounds)
    found["sn/dense/twice"] = _called_twice(x)
    return found


def _tfgan_spectral_norm(x, rounds):
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        norm = tfgan.features.compute_spectral_norm(tf.constant(x["sn/conv/kernel"]), rounds)
        (u,) = tf.compat.v1.global_variables()
        session.run(u.initializer)
        u.load(x["sn/conv/left"], session)
        return session.run(norm)


def _called_twice(x):
    layer = tf.keras.layers.Dense(x["sn/dense/kernel"].shape[-1])
    wrapped = tfa.layers.SpectralNormalization(layer)
    wrapped.build(x["sn/dense/inputs"].shape)
    layer.set_weights([x["sn/dense/kernel"], x["sn/dense/bias"]])
    wrapped.u.assign(x["sn/dense/u"])
    for _ in range(2):
        wrapped(x["sn/dense/inputs"], training=True)
    return layer.kernel


def networks(x):
    """Layers of TF-GAN's progressive and self-attention examples."""
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        maps = tf.constant(x["maps"])
        tensors = {
            "pixel_norm": pggan.pixel_norm(maps),
            "stddev": pggan.scalar_concat(maps, pggan.minibatch_mean_stddev(maps)),
            "upscale": pggan.upscale(maps, 2),
            "downscale": pggan.downscale(maps, 2),
            "conv": pggan.custom_conv2d(maps, 5, 3, he_initializer_slope=0.0, scope="conv"),
            "dense": pggan.custom_dense(maps, 5, scope="dense"),
            "attention": sagan.sn_non_local_block_sim(maps, training=False, name="attention"),
            "batch_norm": sagan.BatchNorm("batch_norm")(maps),
            "conditional": sagan.ConditionalBatchNorm(3, "conditional")(maps, x["maps/labels"]),
        }
        for variable in tf.compat.v1.global_variables():
            variable.load(x[f"weights/{_short(variable.op.name)}"], session)
        return {f"layer/{name}": value for name, value in session.run(tensors).items()}


def _short(name):
    """First, second and last part of a variable's name: spectral norms have long ones."""
    parts = name.split("/")
    return "/".join(dict.fromkeys([*parts[:2], parts[-1]]))


def _with_gradients(name, function, *arrays):
    tensors = [tf.constant(array) for array in arrays]
    with tf.GradientTape() as tape:
        tape.watch(tensors)
        value = function(*tensors)
    gradients = tape.gradient(value, tensors)
    return {name: value, f"{name}/gradient": tf.concat(gradients, axis=0)}


COMPARISONS = (
    losses,
    classifiers,
    gradient_penalties,
    scores,
    distances_of_patches,
    similarities,
    clipping,
    averages,
    spectral_norms,
    networks,
)


def main(inputs, answers):
    """Writes all answers, and as "versions" the packages they come from."""
    with np.load(inputs) as file:
        x = dict(file)
    found = {"versions": [f"{name}=={importlib.metadata.version(name)}" for name in PACKAGES]}
    for compute in COMPARISONS:
        found |= compute(x)
    np.savez(answers, **{name: np.asarray(value) for name, value in found.items()})


if __name__ == "__main__":
    main(*sys.argv[1:])

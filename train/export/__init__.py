"""From weights to OpenVINO IR: conversion, INT8, calibration, golden outputs."""
